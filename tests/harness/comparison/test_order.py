import random

from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.order import orders
from harness.model import Kind
from tests.harness.comparison.strategies import JSON


def shuffled(value, rng):
    """The same tree with the keys of its objects in another order."""
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {key: shuffled(value[key], rng) for key in keys}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


def test_keys_that_change_places_are_one_difference_at_their_object():
    (found,) = orders({"tools": [{"name": "a", "schema": {}}]}, {"tools": [{"schema": {}, "name": "a"}]})
    assert (found.path, found.kind) == ("/tools/0", Kind.ORDER)
    assert (found.baseline, found.candidate) == (["name", "schema"], ["schema", "name"])


def test_a_key_that_only_one_side_has_does_not_change_the_order_of_the_others():
    assert orders({"host": "h", "accept": "a"}, {"cookie": "c", "host": "h", "accept": "a"}) == ()


def test_an_element_that_only_one_side_has_does_not_shift_those_behind_it():
    one = [{"event": "ping", "data": {}}, {"data": {"type": "message_stop"}, "event": "message_stop"}]
    assert orders(one, one[1:]) == ()


@given(JSON)
def test_a_tree_is_in_its_own_order(tree):
    assert orders(tree, tree) == ()


@given(JSON, st.integers())
def test_the_order_differs_the_same_way_whoever_is_the_baseline(tree, seed):
    other = shuffled(tree, random.Random(seed))
    there = [(each.path, each.baseline, each.candidate) for each in orders(tree, other)]
    back = [(each.path, each.candidate, each.baseline) for each in orders(other, tree)]
    assert sorted(there) == sorted(back)
