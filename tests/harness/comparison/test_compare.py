import json

import pytest
from deepdiff import DeepDiff
from hypothesis import given

from harness.comparison.compare import _unequal, compare, pointer, same
from harness.model import Absent, Difference, Kind
from tests.harness.comparison.strategies import JSON


def brief(one, other):
    return [(found.path, found.kind) for found in compare(one, other)]


@given(JSON)
def test_nothing_differs_from_itself(tree):
    assert compare(tree, json.loads(json.dumps(tree))) == ()


@given(JSON, JSON)
def test_there_is_a_difference_exactly_where_the_json_differs(one, other):
    assert (compare(one, other) == ()) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


@given(JSON, JSON)
def test_the_other_way_round_the_same_differences_are_mirrored(one, other):
    """Values and kinds; a path is the baseline's, so an index may be the other list's."""
    there = [(repr(found.baseline), repr(found.candidate)) for found in compare(one, other)]
    back = [(repr(found.candidate), repr(found.baseline)) for found in compare(other, one)]
    assert sorted(there) == sorted(back)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (0, False), ("1", 1), (None, ""), ({}, []), ([1], {"0": 1}), (None, False)]
)
@pytest.mark.parametrize("place", ["in an object", "in a list", "in a list of lists"])
def test_values_that_python_calls_equal_or_empty_differ_in_type(one, other, place):
    wrap = {"in an object": lambda v: {"a": v}, "in a list": lambda v: [v], "in a list of lists": lambda v: [[1, v]]}
    (found,) = compare(wrap[place](one), wrap[place](other))
    assert found.kind is Kind.TYPE
    assert (type(found.baseline), type(found.candidate)) == (type(one), type(other))


def test_a_key_that_is_null_is_not_a_key_that_is_missing():
    assert compare({"a": None}, {}) == (Difference("/a", None, Absent.ABSENT),)
    assert compare({}, {"a": None}) == (Difference("/a", Absent.ABSENT, None),)


def test_an_inserted_element_is_one_difference():
    old = [{"event": "delta", "data": {"text": str(i)}} for i in range(30)]
    assert brief(old, [*old[:7], {"event": "ping"}, *old[7:]]) == [("/7", Kind.EXTRA)]
    assert brief(old, [*old[:7], *old[8:]]) == [("/7", Kind.MISSING)]


def test_a_changed_leaf_deep_in_a_list_has_its_whole_path():
    assert brief({"a": [{"b": [1, {"c": "x"}]}]}, {"a": [{"b": [1, {"c": "y"}]}]}) == [("/a/0/b/1/c", Kind.CHANGED)]


def test_an_object_that_has_few_keys_in_common_is_still_compared_key_by_key():
    assert brief({"a": {"b": 1, "c": 2}}, {"a": {"x": 1, "y": 2, "b": 3}}) == [
        ("/a/b", Kind.CHANGED),
        ("/a/c", Kind.MISSING),
        ("/a/x", Kind.EXTRA),
        ("/a/y", Kind.EXTRA),
    ]


def test_the_order_of_keys_does_not_matter_and_the_order_of_elements_does():
    assert compare({"a": 1, "b": 2}, {"b": 2, "a": 1}) == ()
    assert compare(["a", "b"], ["b", "a"]) != ()


def test_keys_that_look_like_paths_are_escaped_and_paths_are_in_order_of_their_numbers():
    assert pointer(["a/b", 0, "m~n"]) == "/a~1b/0/m~0n"
    old, new = [0] * 12, [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]
    assert brief(old, new) == [("/2", Kind.CHANGED), ("/10", Kind.CHANGED)]


def test_private_looking_keys_and_long_values_are_compared_whole():
    (found,) = compare({"__x": "y" * 100_000}, {"__x": "y" * 100_000 + "z"})
    assert found == Difference("/__x", "y" * 100_000, "y" * 100_000 + "z")


def test_a_body_with_one_change_in_a_large_tree_gives_only_that():
    tools = [{"name": f"t{i}", "schema": {str(k): {"type": "string"} for k in range(50)}} for i in range(50)]
    changed = json.loads(json.dumps(tools))
    changed[7]["schema"]["3"]["type"] = "number"
    assert brief(tools, changed) == [("/7/schema/3/type", Kind.CHANGED)]


def test_same_is_strict_about_types_at_any_depth():
    assert same({"a": [1, "x"]}, {"a": [1, "x"]})
    assert not same({"a": [1, "x"]}, {"a": [True, "x"]})


def test_steps_are_never_paired_with_other_steps():
    good, bad = {"response": {"status": 200}}, {"response": {"status": 500}}
    steps = {"client": {"0": good, "1": bad, "2": good}}, {"client": {"0": bad, "1": good, "2": bad}}
    assert brief(*steps) == [(f"/client/{step}/response/status", Kind.CHANGED) for step in range(3)]


@given(JSON, JSON)
def test_they_are_the_ones_that_deepdiff_finds(one, other):
    """Another program as the oracle: it is given what both have to line up, and compares that by its own rules."""
    levels = DeepDiff(
        *_unequal(one, other),
        view="tree",
        threshold_to_diff_deeper=0,  # otherwise two objects with few common keys are one difference
        ignore_private_variables=False,  # otherwise keys that begin with __ are not looked at
    )
    theirs = [_difference(level) for found in levels.values() for level in found]
    assert sorted(map(repr, compare(one, other))) == sorted(map(repr, theirs))


def _difference(level):
    added, removed = (level.report_type == f"dictionary_item_{what}" for what in ("added", "removed"))
    path = pointer(level.path(output_format="list"))
    return Difference(path, Absent.ABSENT if added else level.t1, Absent.ABSENT if removed else level.t2)
