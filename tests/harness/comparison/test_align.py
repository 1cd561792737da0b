from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.align import align
from tests.harness.comparison.strategies import JSON


def event(number: int, kind: str = "delta") -> dict[str, object]:
    return {"event": kind, "data": {"type": kind, "index": 0, "delta": {"type": "text", "text": f"word {number}"}}}


def test_an_inserted_element_stands_alone_and_the_others_find_their_partners():
    old = [event(i) for i in range(50)]
    new = [*old[:20], event(99, "ping"), *old[20:]]
    assert [pair for pair in align(old, new) if None in pair] == [(None, 20)]


def test_a_lost_element_stands_alone_also_where_its_neighbours_have_changed():
    old = [event(i) for i in range(6)]
    new = [{**event(i), "more": 1} for i in (0, 1, 3, 4, 5)]
    assert [pair for pair in align(old, new) if None in pair] == [(2, None)]


def test_changed_elements_of_lists_of_one_length_stay_paired():
    assert align([1, 2, 3], [1, 9, 3]) == [(0, 0), (1, 1), (2, 2)]


def test_values_of_different_types_are_not_equal():
    assert align([1], [True, 1]) == [(None, 0), (0, 1)]


@given(st.lists(JSON, max_size=6), st.lists(JSON, max_size=6))
def test_every_index_comes_once_and_in_order_and_the_mirror_image_is_the_same(one, other):
    pairs = align(one, other)
    assert [i for i, _ in pairs if i is not None] == list(range(len(one)))
    assert [j for _, j in pairs if j is not None] == list(range(len(other)))
    assert sorted(map(str, align(other, one))) == sorted(str((j, i)) for i, j in pairs)


def test_two_very_long_lists_are_paired_in_order_and_in_time():
    assert len(align(list(range(600)), [-i for i in range(600)])) == 600
