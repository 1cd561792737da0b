from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from harness.event_stream import EventParser, ServerEvent, encode, parse

FRAGMENTS = [
    "data: ",
    "data",
    "event: a",
    "id: 7",
    "retry: 10",
    ": note",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "é",
    "漢😀",
    "{}",
    "\ufeff",
]
STREAMS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=20).map("".join).map(str.encode)
LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)


def events_of(pieces: list[bytes]) -> tuple[list[ServerEvent], bytes]:
    parser = EventParser()
    events = [event for piece in pieces for event in parser.feed(piece)] + parser.close()
    return events, parser.incomplete


def split(data: bytes, at: list[int]) -> list[bytes]:
    borders = [0, *sorted(min(place, len(data)) for place in at), len(data)]
    return [data[begin:end] for begin, end in pairwise(borders)]


@given(STREAMS | st.binary(max_size=60), st.lists(st.integers(0, 80), max_size=8))
@example(b"data: a\r\n\r\ndata: b\r\r", [8, 10, 19])
def test_any_split_gives_the_same_events(data: bytes, at: list[int]) -> None:
    assert events_of(split(data, at)) == parse(data)


@given(STREAMS | st.binary(max_size=60))
def test_nothing_is_lost(data: bytes) -> None:
    events, incomplete = parse(data)
    assert b"".join(event.raw for event in events) + incomplete == data


@given(
    st.lists(LINES, min_size=1, max_size=4).map("\n".join),
    LINES,
    st.none() | LINES.filter(lambda line: "\0" not in line),
    st.none() | st.integers(0, 10**6),
)
def test_what_is_encoded_is_parsed_again(data: str, event: str, id_: str | None, retry: int | None) -> None:
    raw = encode(data, event, id_, retry)
    assert parse(raw) == ([ServerEvent(event, data, id_, retry, (), raw)], b"")


def test_all_three_line_ends_end_a_line() -> None:
    events, incomplete = parse(b"data: a\n\ndata: b\r\n\r\ndata: c\r\r")
    assert [event.data for event in events] == ["a", "b", "c"]
    assert incomplete == b""


def test_data_lines_are_joined_and_one_space_after_the_colon_is_dropped() -> None:
    events, _ = parse(b"data:  two\ndata:none\ndata\n\n")
    assert events[0].data == " two\nnone\n"


def test_a_block_without_data_is_no_event_but_its_bytes_and_comments_are_kept() -> None:
    events, _ = parse(b": keep-alive\n\nevent: lost\n\ndata: x\n\n")
    assert [(event.event, event.data, event.comments) for event in events] == [("", "x", ("keep-alive",))]
    assert events[0].raw.startswith(b": keep-alive")


def test_a_stream_that_ends_without_its_blank_line_keeps_the_last_event_to_itself() -> None:
    assert parse(b"data: a\n\ndata: b\n") == ([ServerEvent("", "a", raw=b"data: a\n\n")], b"data: b\n")


def test_a_byte_order_mark_is_skipped_at_the_beginning_only() -> None:
    events, _ = parse(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n")
    assert [event.data for event in events] == ["a", "c"]


def test_fields_that_are_wrong_are_ignored() -> None:
    events, _ = parse(b"id: a\0b\nretry: soon\ncolour: red\ndata: x\n\n")
    assert (events[0].id, events[0].retry, events[0].data) == (None, None, "x")


def test_an_event_comes_as_soon_as_its_blank_line_is_there() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\n") == []
    assert [event.data for event in parser.feed(b"\n")] == ["a"]
