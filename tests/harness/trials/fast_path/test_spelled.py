import json

from hypothesis import given
from hypothesis import strategies as st

from harness.trials.fast_path.spelled import SPELLINGS, Repeated, Spelled, places_of, to_bytes

trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(trees.filter(lambda tree: "\ud800" not in str(tree)), st.sampled_from(SPELLINGS))
def test_every_spelling_of_a_tree_says_the_same(tree, spelling):
    assert json.loads(to_bytes(tree, spelling)) == tree


def test_a_value_is_written_as_it_is_spelled():
    assert to_bytes({"a": Spelled("1e999"), "b": [Spelled('"\\ud800"')]}) == b'{"a":1e999,"b":["\\ud800"]}'


def test_a_key_can_be_there_twice():
    assert to_bytes({"a": 1, Repeated("a"): None}) == b'{"a":1,"a":null}'


def test_the_spellings_differ():
    assert len({to_bytes({"a": ["é", 1]}, spelling) for spelling in SPELLINGS}) == len(SPELLINGS)


def test_every_place_of_a_tree_is_found():
    tree = {"a": [1, {"b": None}]}
    assert [key for _, key in places_of(tree)] == ["a", 0, 1, "b"]
