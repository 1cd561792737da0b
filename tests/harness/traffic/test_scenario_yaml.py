from __future__ import annotations

from hypothesis import given, settings

from harness.model import Json
from harness.traffic.scenario_yaml import dump, load
from tests.harness.traffic.nouns import TREE


@settings(max_examples=150, deadline=None)
@given(TREE)
def test_every_tree_comes_back_as_it_was(tree: Json) -> None:
    # repr, because NaN is not equal to itself
    shared: list[Json] = [tree, {"text": "long " * 400, "k": tree}, "long " * 400]
    wholes: list[Json] = [tree, shared, {"events": [tree, {"k": tree}]}]
    for whole in wholes:
        assert repr(load(dump(whole), "file")) == repr(whole)


def test_equal_big_trees_are_written_once() -> None:
    tools: Json = [{"name": "Bash", "description": "what it does " * 160}]
    text = dump({"first": {"tools": tools}, "second": {"tools": tools}})
    assert text.count("what it does") == 160
    assert load(text, "file") == {"first": {"tools": tools}, "second": {"tools": tools}}


def test_equal_small_trees_are_written_out_so_that_one_can_be_edited() -> None:
    assert "*" not in dump({"first": {"type": "text"}, "second": {"type": "text"}})


def test_a_text_of_several_lines_is_a_literal_block() -> None:
    assert dump({"text": "one: 1\ntwo\n"}) == "text: |\n  one: 1\n  two\n"


def test_an_event_stays_on_one_line_whatever_its_length() -> None:
    text = dump({"events": [{"event": "delta", "data": {"text": "a\nb " * 100, "index": 0}}, {"wait": 1.0}]})
    assert text.count("\n") == 3


def test_characters_that_no_editor_shows_are_escapes() -> None:
    tree: Json = {
        "text": "a\u00a0b\u200d\ufeff e\u0301\u212b\u3000 é 世界",
        "lines": "one\ntwo\u200b\n",
        "\u200b": "\U000e0001",
    }
    text = dump(tree)
    assert text.isprintable() or all(char.isprintable() or char == "\n" for char in text)
    assert "\\u00A0b\\u200D\\uFEFF e\\u0301\\u212B\\u3000 é 世界" in text
    assert "|" not in text
    assert load(text, "file") == tree
