from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.isolation.config_tree import Node, config_files, read_config, walk

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "config.yaml"


def plain(node: Node) -> object:
    if isinstance(node.value, dict):
        return {name: plain(each) for name, each in node.value.items()}
    return [plain(each) for each in node.value] if isinstance(node.value, list) else node.value


def test_what_an_anchor_gives_has_the_line_where_it_is_written(tmp_path: Path) -> None:
    file = write(tmp_path, config="a: &x\n  base: 1\n  own: 2\nb: {<<: *x, own: 3}\n")
    b = read_config(file).section("b")
    assert (b.section("base").line, b.section("own").line, plain(b)) == (2, 4, {"base": 1, "own": 3})


def test_of_two_equal_keys_the_last_counts_as_it_does_for_litellm(tmp_path: Path) -> None:
    file = write(tmp_path, config="a: 1\na: 2\n")
    assert plain(read_config(file)) == yaml.safe_load(file.read_text()) == {"a": 2}


def test_lists_of_included_files_are_added_and_all_else_is_replaced(tmp_path: Path) -> None:
    one = "include: [two.yaml]\nmodel_list: [1]\ngeneral_settings: {a: 1}\n"
    file = write(
        tmp_path, config=one, two="include: [three.yaml]\nmodel_list: [2]\n", three="general_settings: {b: 2}\n"
    )
    config = read_config(file)
    assert plain(config) == {"model_list": [1, 2], "general_settings": {"b": 2}}
    assert config.section("model_list").items[1].file == tmp_path / "two.yaml"
    assert [each.name for each in config_files(file)] == ["config.yaml", "two.yaml", "three.yaml"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("include: [gone.yaml]\n", "config.yaml:1: include: the included file 'gone.yaml' is not there"),
        ("a: b: c\n", "config.yaml:1: is not YAML"),
        ("- 1\n", "config.yaml:1: is not a mapping"),
        ("a: !!python/object:os.system x\n", "config.yaml:1: is not YAML"),
        ("a: &a [*a]\n", "once its aliases are written out"),
        (BOMB, "250000 values"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_and_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadInput) as error:
        read_config(write(tmp_path, config=text))
    assert told in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.yaml: cannot be read \(No such file or directory\)"):
        read_config(tmp_path / "none.yaml")


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=4))
def test_any_configuration_is_what_pyyaml_makes_of_it(tmp_path_factory: pytest.TempPathFactory, tree: object) -> None:
    file = tmp_path_factory.mktemp("any") / "config.yaml"
    file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    loaded = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    config = read_config(file)
    without = {name: value for name, value in loaded.items() if name != "include"}
    assert plain(config) == without
    assert all(node.line >= 1 for _, node in walk(config))
