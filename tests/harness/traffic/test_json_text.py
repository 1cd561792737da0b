from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.traffic.json_text import JsonArray, JsonNode, JsonObject, JsonString, read_json, replace_strings
from tests.harness.traffic.json_spellings import CONTAINER, TREE, around_strings, shape, spell


def tokens(nodes: list[JsonNode]) -> list[JsonString]:
    found = list[JsonString]()
    for node in nodes:
        match node:
            case JsonString():
                found.append(node)
            case JsonArray(items):
                found += tokens(items)
            case JsonObject(members):
                found += tokens([part for member in members for part in member])
    return found


@given(TREE, st.randoms(use_true_random=False))
def test_every_spelling_is_read_and_each_string_has_its_value_and_its_place(tree: Any, random: Random) -> None:
    text = spell(tree, random)
    read = read_json(text)
    assert read.is_whole and read.end == len(text)
    for token in tokens(list(read.values)):
        assert json.loads(f'"{text[token.begin : token.end]}"', strict=False) == token.value


@given(CONTAINER, st.randoms(use_true_random=False), st.data())
def test_each_beginning_of_a_text_is_a_prefix_of_json(tree: Any, random: Random, data: st.DataObject) -> None:
    text = spell(tree, random).strip()
    cut = data.draw(st.integers(0, len(text) - 1))
    read = read_json(text[:cut])
    assert (read.is_whole, read.is_prefix) == (False, True)


@given(TREE, st.randoms(use_true_random=False))
def test_replaced_characters_are_spelled_as_the_old_ones_were(tree: Any, random: Random) -> None:
    text = spell(tree, random)
    read = read_json(text)
    other = {"a": "é", "b": "B", "日": "月", "e": "x", "😀": "𠀋"}
    changes = [(token, "".join(other.get(char, char) for char in token.value)) for token in tokens(list(read.values))]
    changed = replace_strings(text, changes)
    assert around_strings(changed) == around_strings(text)
    assert [token.value for token in tokens(list(read_json(changed).values))] == [value for _, value in changes]
    assert changed.count("\\") == text.count("\\")


def test_escapes_keep_their_case_and_are_not_added() -> None:
    text = r'["\u0041\u00e9\u00EB\ud83d\uDE00", "Aé"]'
    read = read_json(text)
    first, second = tokens(list(read.values))
    assert replace_strings(text, [(second, "Bù"), (first, "Bêì𠀋")]) == r'["\u0042\u00ea\u00EC\ud840\udc0b", "Bù"]'


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('{"a" 1}', 5),
        ("{a:1}", 1),
        ('{"a":1,}', 7),
        ("[1,]", 3),
        ("[01]", 1),
        ("[1 2]", 3),
        ("[1}", 2),
        ("]", 0),
        ('["a\\x"]', 3),
        ("[+1]", 1),
        ("{'a':1}", 1),
        ("nul]", 0),
        ("[.5]", 1),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text: str, at: int) -> None:
    read = read_json(text)
    assert (read.is_whole, read.is_prefix, read.problem_at) == (False, False, at)


@pytest.mark.parametrize(
    "text",
    ['{"a":1}\n{"a":2}\n', "\ufeff[]", '\x1e{"a":1}\n\x1e[]\n', "NaN", "[Infinity, -Infinity]", '["a\nb\tc"]', "1e999"],
)
def test_what_programs_write_beyond_the_standard_is_read(text: str) -> None:
    assert read_json(text).is_whole


def test_no_depth_is_too_deep_and_no_number_too_long() -> None:
    assert read_json("[" * 100_000 + "]" * 100_000).is_whole
    assert read_json("9" * 10_000).is_whole


def test_a_string_that_is_cut_has_the_value_that_came() -> None:
    (token,) = tokens(list(read_json('["abc\\u00').values))
    assert (token.value, token.is_whole) == ("abc", False)


@given(TREE, st.randoms(use_true_random=False))
def test_the_shape_of_a_text_is_that_of_its_tree(tree: Any, random: Random) -> None:
    assert shape(spell(tree, random)) == shape(spell(tree, random))
