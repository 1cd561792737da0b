import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.chunks import torn
from harness.event_stream import encode


@pytest.mark.parametrize(
    ("chunks", "found"),
    [
        ([b"data: a\n\n", b"data: b\n\n"], []),
        ([b"data: a\n\ndata: b\n\n"], []),
        ([b"data: a\n", b"\ndata: b\n\n"], ["events"]),
        ([b"data: \xc3", b"\xa4\n\n"], ["events", "letters"]),
        ([b": ping\n\n", b"data: a\n\n"], []),
        ([b"data: a\n\n", b"data: b"], []),  # the stream's own end is judged elsewhere
    ],
)
def test_what_the_ends_of_chunks_cut_in_two(chunks, found):
    assert torn(chunks) == found


@given(st.lists(st.text()))
def test_chunks_of_whole_events_tear_nothing(texts):
    assert torn([encode(text) for text in texts]) == []
