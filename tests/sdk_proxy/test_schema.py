from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sdk_proxy.config_file import ConfigError
from sdk_proxy.schema import KNOWN_USER_AGENTS, Config, load_config, resolve, warnings

SECRET = "sk-very-secret"
ENVIRON = {"MASTER": SECRET, "BASE": "http://127.0.0.1:1/v1", "KEY": SECRET}
SMALLEST = """\
model_list:
  - model_name: fast
    litellm_params: {model: openai/gpt-5, api_base: os.environ/BASE, api_key: os.environ/KEY, aws_key: os.environ/KEY}
general_settings:
  master_key: os.environ/MASTER
"""
OWN = Path(__file__).parents[2] / "config" / "config.yaml"
PROVIDERS = ("ANTHROPIC", "OPENAI", "GEMINI")
MEMORY = ("SUPERMEMORY_ANTHROPIC_API_BASE", "SUPERMEMORY_OPENAI_API_BASE")
OWN_ENVIRON = dict.fromkeys(
    ("LITELLM_MASTER_KEY", *MEMORY, *(f"{name}_API_{what}" for name in PROVIDERS for what in ("KEY", "BASE"))), SECRET
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def read(file: Path, text: str, environ: dict[str, str] = ENVIRON) -> Config:
    file.write_text(dedent(text), encoding="utf-8")
    return load_config(file, environ)


def failure(file: Path, text: str, environ: dict[str, str] = ENVIRON) -> str:
    with pytest.raises(ConfigError) as raised:
        read(file, text, environ)
    assert SECRET not in str(raised.value)
    assert str(file) in str(raised.value)
    return str(raised.value).removeprefix(str(file))


def test_environment_references_are_resolved(file):
    config = read(file, SMALLEST)
    params = config.model_list[0].litellm_params
    assert params.api_base == ENVIRON["BASE"]
    assert params.api_key is not None and params.api_key.get_secret_value() == SECRET
    assert config.master_key is not None and config.master_key.get_secret_value() == SECRET


def test_keys_of_litellm_that_we_do_not_know_are_kept(file):
    config = read(file, SMALLEST + "credential_list: [{name: one}]\n")
    assert config.model_list[0].litellm_params.model_extra == {"aws_key": SECRET}
    assert config.model_extra == {"credential_list": [{"name": "one"}]}


def test_no_secret_is_in_what_a_config_prints(file):
    config = read(
        file, SMALLEST + "credential_list: [{name: os.environ/KEY}]\nenvironment_variables: {K: os.environ/KEY}\n"
    )
    assert SECRET not in f"{config!r} {config} {config.model_list[0]!r} {config.model_list[0].litellm_params}"


def test_a_config_cannot_be_changed(file):
    config = read(file, SMALLEST)
    with pytest.raises(ValidationError):
        config.user_id_mappings.default_user_id = "other"


def test_without_mappings_there_is_one_user(file):
    mappings = read(file, SMALLEST).user_id_mappings
    assert (mappings.custom_header, mappings.default_user_id, mappings.header_patterns) == (
        "x-memory-user-id",
        "default-user",
        (),
    )


def test_an_empty_section_is_a_section(file):
    assert read(file, SMALLEST + "litellm_settings:\n").litellm_settings == {}


def test_the_first_deployment_of_a_name_gives_its_address(file):
    text = SMALLEST.replace(
        "general_settings", "  - {model_name: fast, litellm_params: {model: a/b}}\ngeneral_settings"
    )
    assert read(file, text).api_base("fast") == ENVIRON["BASE"]
    assert read(file, text).api_base("unknown") is None


# --- what cannot be used: file, line, key


def test_a_missing_file_is_named_with_the_option_that_names_another(file):
    with pytest.raises(ConfigError, match=r"config\.yaml: cannot be read \(No such file or directory\).*--config"):
        load_config(file, {})


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})


def test_a_file_that_is_not_utf8_is_named(file):
    file.write_bytes(b"a: 1\nb: \xff")
    with pytest.raises(ConfigError, match=r"config\.yaml:2: is not UTF-8 at byte 8"):
        load_config(file, {})


def test_a_missing_variable_is_named_with_the_place_that_needs_it(file):
    assert failure(file, SMALLEST, {"MASTER": SECRET, "KEY": SECRET}) == (
        ":3: model_list.0.litellm_params.api_base: "
        "the environment variable BASE is not set: set it, or take this key out"
    )


def test_a_variable_that_is_missing_behind_an_anchor_is_named_where_it_is_written(file):
    text = """\
        model_list:
          - model_name: one
            litellm_params: &shared
              model: openai/one
              api_key: os.environ/NOWHERE
          - model_name: two
            litellm_params: {<<: *shared, model: openai/two}
        """
    assert failure(file, text).startswith(":5: model_list.0.litellm_params.api_key: the environment variable NOWHERE")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: is empty"),
        ("# nothing\n", ":1: is empty"),
        ("- a\n", ":1: is not a mapping"),
        ("model_list: []\n1: a\n", ":2: the key '1' is not a text"),
        ("model_list: []\nyes: a\n", ":2: the key 'yes' is not a text"),
        (SMALLEST + "router_settings: {on: 1}\n", ":6: router_settings: has a key that is not a text: "),
        ("a: [\n", ":2: is not YAML"),
        ("a: 1\nb: 2\na: 3\n", ":3: found duplicate key 'a'"),
        ("a: 1\nb: \t\x00\n", ":2: is not YAML: the character U+0000"),
        ("a:\n\tb: 1\n", ":2: is not YAML: found character '\\t' that cannot start any token"),
        ("a: *b\n", ":1: is not YAML: found undefined alias"),
        ("a: !!python/object:os.system {}\n", ":1: is not YAML"),
        ("b: 1\na: &a [*a]\n", ":2: a YAML alias holds itself"),
        ("a: &a {b: {<<: *a}}\n", ":1: a YAML alias holds itself"),
        ("a: " + "[" * 2000, ": is not YAML"),
        ("a: " + "[" * 101 + "]" * 101, ":1: holds more than 100 levels"),
        ("a: 2024-13-45\n", ":1: is not YAML: this is no timestamp of YAML 1.1"),
        ("a: !!int x\n", ":1: is not YAML: this is no int of YAML 1.1"),
        ("a: {[b]: 1}\n", ":1: is not YAML: found unhashable key"),
        (SMALLEST + "---\na: 1\n", ":6: is not YAML"),
        ("general_settings: {}\n", ":1: model_list: Field required"),
        ("model_list: []\n", ":1: model_list: Tuple should have at least 1 item"),
        ("model_list:\n  - model_name: a\n", ":2: model_list.0.litellm_params: Field required"),
        ("model_list:\n  - {model_name: a, litellm_params: {}}\n", ":2: model_list.0.litellm_params.model: Field"),
        ("model_list: 3\n", ":1: model_list: Input should be a valid tuple"),
        (SMALLEST + "router_settings: 3\n", ":6: router_settings: Input should be a valid dictionary"),
        (SMALLEST.replace("fast", "[1]"), ":2: model_list.0.model_name: Input should be a valid string"),
        (SMALLEST.replace("os.environ/KEY,", f"[{SECRET}],"), ":3: model_list.0.litellm_params.api_key: Input"),
        (SMALLEST + "user_id_mappings: {default_user: a}\n", ":6: user_id_mappings.default_user: Extra inputs are not"),
        (SMALLEST + 'user_id_mappings: {default_user_id: "a\\nb: c"}\n', ":6: user_id_mappings.default_user_id: Str"),
        (SMALLEST + 'user_id_mappings: {custom_header: "a b"}\n', ":6: user_id_mappings.custom_header: String"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_its_key(file, text, said):
    assert failure(file, text).startswith(said)


def test_a_pattern_that_is_no_regular_expression_is_told_with_its_place(file):
    text = SMALLEST + dedent("""\
        user_id_mappings:
          header_patterns:
            - {header: user-agent, pattern: "^ok", user_id: a}
            - header: user-agent
              pattern: "(unclosed"
              user_id: b
        """)
    assert failure(file, text) == (
        ":10: user_id_mappings.header_patterns.1.pattern: is not a regular expression: "
        "missing ), unterminated subpattern at position 0"
    )


@given(st.text())
def test_whatever_a_file_holds_it_is_a_config_or_a_config_error(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(ConfigError):
        load_config(file, {})


# --- the master key


@pytest.mark.parametrize("key", ["os.environ/EMPTY", "' '", "null", "12", "[a]"])
def test_a_master_key_that_would_let_everybody_in_is_refused(file, key):
    text = SMALLEST.replace("os.environ/MASTER", key)
    assert failure(file, text, {**ENVIRON, "EMPTY": ""}) == (
        ":5: general_settings.master_key: is empty, or not a text: nobody would be asked for a key"
    )


def test_a_configuration_without_a_master_key_is_refused(file):
    text = SMALLEST.partition("general_settings")[0]
    assert "LITELLM_MASTER_KEY is not set" in failure(file, text)


def test_without_a_master_key_in_the_file_it_is_the_variables_as_in_litellm(file):
    config = read(file, SMALLEST.partition("general_settings")[0], {**ENVIRON, "LITELLM_MASTER_KEY": "from-environ"})
    assert config.master_key is not None and config.master_key.get_secret_value() == "from-environ"


@pytest.mark.parametrize(
    ("settings", "environ"),
    [
        ("{dangerously_permit_weak_or_unset_master_key: true}", {}),
        ("{}", {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}),
    ],
)
def test_who_wants_no_key_says_so_as_to_litellm(file, settings, environ):
    text = SMALLEST.partition("general_settings")[0] + f"general_settings: {settings}\n"
    assert read(file, text, {**ENVIRON, **environ}).master_key is None


def test_the_key_may_be_among_the_variables_that_the_file_exports_as_in_litellm(file):
    text = SMALLEST.partition("general_settings")[0] + "environment_variables: {LITELLM_MASTER_KEY: sk-exported}\n"
    config = read(file, text)
    assert config.master_key is not None and config.master_key.get_secret_value() == "sk-exported"


def test_the_key_of_litellms_examples_is_refused_as_litellm_refuses_it(file):
    text = SMALLEST.replace("os.environ/MASTER", "sk-1234")
    assert ":5: general_settings.master_key: is the key of LiteLLM's examples" in failure(file, text)


# --- resolving


def test_a_flag_in_a_variable_is_a_flag_as_in_litellm():
    tree = {"a": "os.environ/A", "b": "os.environ/B", "c": "os.environ/C"}
    assert resolve(tree, {"A": " True", "B": "false", "C": "1"}, _unexpected) == {"a": True, "b": False, "c": "1"}


def test_a_variable_that_the_file_itself_exports_comes_too_late_for_its_references_as_in_litellm(file):
    text = SMALLEST.replace("os.environ/BASE", "os.environ/OWN") + "environment_variables: {OWN: x}\n"
    assert "OWN is not set (environment_variables is exported after this" in failure(file, text)


def test_references_are_resolved_at_any_depth_but_not_as_texts_in_a_list_as_in_litellm():
    tree = {"a": ["os.environ/A", {"b": "os.environ/A"}], "c": "see os.environ/A", "d": 1, "e": None}
    assert resolve(tree, {"A": "x"}, _unexpected) == {
        "a": ["os.environ/A", {"b": "x"}], "c": "see os.environ/A", "d": 1, "e": None
    }  # fmt: skip


def test_a_resolved_value_is_not_resolved_again():
    assert resolve("os.environ/A", {"A": "os.environ/B", "B": "x"}, _unexpected) == "os.environ/B"


def _unexpected(name: str, place: tuple[str | int, ...]) -> ConfigError:
    raise AssertionError((name, place))


# --- what is surely not meant


def with_patterns(*patterns: tuple[str, str]) -> Config:
    mappings = {"header_patterns": [{"header": h, "pattern": p, "user_id": "u"} for h, p in patterns]}
    deployment = {"model_name": "fast", "litellm_params": {"model": "openai/gpt-5"}}
    return Config.model_validate({"model_list": [deployment], "user_id_mappings": mappings})


def test_a_pattern_that_no_known_client_matches_deserves_a_warning():
    config = with_patterns(("User-Agent", "^Claude Code"), ("user-agent", "^CLAUDE-CLI/"))
    assert [text for text in warnings(config) if "'^Claude Code'" in text] == warnings(config) != []


def test_only_user_agents_are_known():
    assert warnings(with_patterns(("x-team", "^anything"))) == []


# --- our own


def test_our_own_configuration_can_be_used_and_deserves_no_warning():
    config = load_config(OWN, OWN_ENVIRON)
    assert warnings(config) == []
    assert config.general_settings["forward_client_headers_to_llm_api"] is True
    providers = {deployment.litellm_params.model.partition("/")[0] for deployment in config.model_list}
    assert providers == {"anthropic", "openai", "text-completion-openai", "gemini"}


@pytest.mark.parametrize("name", OWN_ENVIRON)
def test_our_own_configuration_names_each_variable_that_it_needs(name):
    environ = {key: value for key, value in OWN_ENVIRON.items() if key != name}
    with pytest.raises(ConfigError, match=f"the environment variable {name} is not set"):
        load_config(OWN, environ)


def test_the_known_clients_are_those_of_the_wire():
    assert any(agent.startswith("claude-cli/") for agent in KNOWN_USER_AGENTS)
    assert any(agent.startswith("OpenAIClientAsyncImpl/Java") for agent in KNOWN_USER_AGENTS)
