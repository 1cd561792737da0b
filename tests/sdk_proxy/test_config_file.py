"""LiteLLM reads with yaml.safe_load and resolve_includes: so must we, or say what is wrong."""

import asyncio
import time
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litellm.proxy.common_utils.config_includes import resolve_include_file_path, resolve_includes

from sdk_proxy import config_file
from sdk_proxy.config_file import ConfigError, ConfigFile, key_of, read

OWN = Path(__file__).parents[2] / "config" / "config.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def config(folder: Path, text: str, name: str = "config.yaml") -> ConfigFile:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(dedent(text), encoding="utf-8")
    return read(folder / name)


def failure(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        config(folder, text)
    return str(raised.value).removeprefix(str(folder / "config.yaml"))


@pytest.mark.parametrize(
    "value",
    ["yes", "on", "No", "0o17", "017", "0x1F", "1_000", "190:20:30", "1e3", "1.0e+3", "~", "2024-01-31", ".inf",
     "0b11", "!!str 1", "!!set {a, b}", "!!binary aGk=", "'yes'", "[a, {b: c}]"],
)  # fmt: skip
def test_a_value_is_what_it_is_in_yaml_1_1(folder, value):
    assert config(folder, f"a: {value}\n").tree == yaml.safe_load(f"a: {value}\n")


def test_merged_keys_are_those_of_litellm(folder):
    text = "x: &x {a: 1, b: 2}\ny: &y {<<: *x, b: 3}\nz: {<<: [*y, {c: 4}], <<: {d: 5}}\n<<: {top: 1}\n"
    assert config(folder, text).tree == yaml.safe_load(text)


def test_our_own_configuration_reads_as_litellm_reads_it():
    assert read(OWN).tree == yaml.safe_load(OWN.read_text(encoding="utf-8"))


def test_a_byte_order_mark_is_no_part_of_the_file(folder):
    assert config(folder, "\ufeffa: 1\n").tree == {"a": 1}


# --- variables that are not set

MISSING = """\
    model_list:
      - model_name: a
        litellm_params: &shared {model: openai/a, api_key: os.environ/A, api_base: os.environ/B}
      - model_name: b
        litellm_params: {<<: *shared, model: openai/b, rpm: os.environ/C}
    general_settings: {master_key: os.environ/KEY}
    """


def unset(folder: Path, text: str, **environ: str) -> ConfigFile:
    (folder / "config.yaml").write_text(dedent(text), encoding="utf-8")
    return read(folder / "config.yaml", environ)


def test_a_variable_that_is_not_set_is_null_as_in_litellm(folder):
    source = unset(folder, MISSING, A="a", KEY="key")
    assert [(name, key_of(place)) for name, place in source.unset] == [
        ("B", "model_list.0.litellm_params.api_base"),
        ("B", "model_list.1.litellm_params.api_base"),
        ("C", "model_list.1.litellm_params.rpm"),
    ]
    params = source.tree["model_list"][1]["litellm_params"]
    assert params == {"model": "openai/b", "api_key": "os.environ/A", "api_base": None, "rpm": None}


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("general_settings: {master_key: os.environ/X}", "general_settings.master_key"),
        ("model_list: [{model_name: os.environ/X}]", "model_list.0.model_name"),
        ("model_list: [{litellm_params: {model: os.environ/X}}]", "model_list.0.litellm_params.model"),
        ("user_id_mappings: {default_user_id: os.environ/X}", "user_id_mappings.default_user_id"),
    ],
)
def test_where_there_must_be_a_value_all_variables_that_are_not_set_are_named(folder, line, key):
    with pytest.raises(ConfigError) as raised:
        unset(folder, f"{line}\nlitellm_settings: {{a: os.environ/Y}}\n")
    told = (
        f"{folder / 'config.yaml'}:1: {key}: the environment variables X, Y are not set: set it, or take this key out"
    )
    assert str(raised.value) == told


def test_the_process_s_variables_are_the_default_and_the_log_names_those_that_are_not_set(folder, monkeypatch, caplog):
    monkeypatch.setattr(config_file, "PROCESS_ENVIRONMENT", {"A": "a", "B": "b", "KEY": "key"})
    assert config(folder, MISSING).tree["model_list"][1]["litellm_params"]["rpm"] is None
    (line,) = caplog.messages
    assert "not set: C (model_list.1.litellm_params.rpm)." in line


def test_nothing_is_logged_where_each_variable_is_set(folder, caplog):
    assert config(folder, MISSING).unset == ()
    assert caplog.messages == []


# --- lines


def test_a_key_is_found_on_its_line(folder):
    source = config(folder, "a:\n  b:\n  - c: 1\n  - d: 2\n")
    assert [source.line(place)[1] for place in [(), ("a",), ("a", "b", 1, "d"), ("a", "nowhere"), ("a", "b", 7)]] == [
        1, 1, 4, 1, 2
    ]  # fmt: skip


def test_a_value_of_its_own_is_found_before_the_merged_one(folder):
    source = config(folder, "x: &x {a: 1}\ny:\n  <<: *x\n  a: 2\nz:\n  <<: *x\n")
    assert (source.line(("y", "a"))[1], source.line(("z", "a"))[1]) == (4, 1)


# --- what would not end


def test_a_bomb_of_aliases_is_refused_at_once(folder):
    laughs = ["a0: &a0 [ha, ha]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    began = time.process_time()
    assert ": holds more than 250000 values once its aliases are written out" in failure(folder, "\n".join(laughs))
    assert time.process_time() - began < 5


def test_a_bomb_of_merged_keys_is_refused_at_once(folder):
    laughs = ["a0: &a0 {ha: ha}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)]
    assert ": holds more than 250000 values" in failure(folder, "\n".join(laughs))


def test_a_chain_of_aliases_is_no_way_around_the_depth(folder):
    chain = ["a0: &a0 [ha]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200)]
    assert failure(folder, "\n".join(chain)).startswith(":100: holds more than 100 levels")


# --- include


def test_included_files_are_merged_as_litellm_merges_them(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "two.yaml").write_text("include: [three.yaml]\na: [2]\nb: {y: 2}\nc: 2\n")
    (folder / "sub" / "three.yaml").write_text("a: [3]\nd: [3]\ninclude: [../config.yaml]\n")
    (folder / "four.yaml").write_text("a: 4\n<<: {e: 5}\n")
    source = config(folder, "a: [1]\nb: {x: 1}\ninclude: [sub/two.yaml, four.yaml, sub/two.yaml]\nd: 0\n")
    assert {**source.tree, "include": None} == {**merged_by_litellm(folder / "config.yaml"), "include": None}
    assert source.line(("d", 0)) == (folder / "sub" / "three.yaml", 2)


def merged_by_litellm(file: Path) -> dict[str, object]:
    async def read_included(path: str) -> dict[str, object]:
        return yaml.safe_load(Path(path).read_text()) or {}

    return asyncio.run(
        resolve_includes(
            config=yaml.safe_load(file.read_text()),
            location=str(file),
            resolve=lambda entry, declared_in: resolve_include_file_path(entry, declared_in, str(file)),
            read=read_included,
        )
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\ninclude: other.yaml\n", ":2: include: is not a list of file paths"),
        ("a: 1\ninclude: [1]\n", ":2: include: is not a list of file paths"),
        ("include:\n- x.yaml\n", ":2: include: the included file 'x.yaml' is not there"),
        ("a: 1\ninclude: ['']\n", ":2: include: the included file '' is a folder"),
        ('include: ["\\0"]\n', ":1: include: the included file '\\x00' is not there"),
    ],
)
def test_what_cannot_be_included_is_told_with_its_line(folder, text, said):
    assert failure(folder, text) == said


def test_a_mistake_in_an_included_file_is_told_with_that_file(folder):
    (folder / "two.yaml").write_text("a: 1\nb: [\n")
    with pytest.raises(ConfigError, match=r"two\.yaml:3: is not YAML"):
        config(folder, "include: [two.yaml]\n")


# --- whatever a file holds

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.booleans(), inner),
    max_leaves=12,
)
PLAIN = [
    "a",
    "<<",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "|",
    ">",
    "#",
    "? ",
    "%",
    "---",
    "...",
    "\t",
]
SPECIAL = ["&x ", "*x", "!!int ", "!!set ", "!!timestamp ", "!!bool ", "0x", "1:2", "2024-02-30", "include", "yes", "="]


def agrees(folder: Path, content: bytes) -> None:
    """Our reading is LiteLLM's, or a ConfigError."""
    (folder / "any.yaml").write_bytes(content)
    try:
        tree = read(folder / "any.yaml").tree
    except ConfigError:
        return
    if "include" not in tree:
        assert repr(tree) == repr(yaml.safe_load(content.decode()))


@given(st.dictionaries(st.text(), TREES))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_tree_is_read_as_litellm_reads_it_or_refused(tmp_path_factory, tree):
    agrees(tmp_path_factory.getbasetemp(), yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace"))


@given(st.lists(st.sampled_from(PLAIN + SPECIAL), max_size=30))
def test_a_text_of_yaml_is_read_as_litellm_reads_it_or_refused(tmp_path_factory, snippets):
    agrees(tmp_path_factory.getbasetemp(), "".join(snippets).encode())


@given(st.binary())
def test_bytes_are_read_as_litellm_reads_them_or_refused(tmp_path_factory, content):
    agrees(tmp_path_factory.getbasetemp(), content)
