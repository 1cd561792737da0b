from harness.event_stream import parse
from harness.upstream import responses_wire as wire
from harness.upstream.wire import Object

WHOLE = wire.response([wire.message("Hello, world"), wire.function_call("read", {"path": "é"})])


def of(kind: str) -> list[Object]:
    return [event for event in wire.events(WHOLE) if event["type"] == kind]


def test_events_are_numbered_and_named_by_their_type() -> None:
    events = list(wire.events(WHOLE))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    parsed, _ = parse(b"".join(act.data for act in wire.stream(WHOLE)))
    assert [event.event for event in parsed] == [event["type"] for event in events]


def test_the_stream_begins_empty_and_ends_with_the_whole_response() -> None:
    first, *_, last = wire.events(WHOLE)
    assert (first["type"], first["response"]["status"], first["response"]["output"]) == (
        "response.created",
        "in_progress",
        [],
    )
    assert last == {"type": "response.completed", "sequence_number": last["sequence_number"], "response": WHOLE}


def test_the_deltas_are_the_text_and_the_arguments() -> None:
    assert "".join(event["delta"] for event in of("response.output_text.delta")) == "Hello, world"
    arguments = "".join(event["delta"] for event in of("response.function_call_arguments.delta"))
    assert arguments == WHOLE["output"][1]["arguments"] == '{"path":"é"}'


def test_every_item_is_added_and_done_once() -> None:
    added, done = of("response.output_item.added"), of("response.output_item.done")
    assert [event["item"]["id"] for event in added] == [item["id"] for item in WHOLE["output"]]
    assert [event["item"] for event in done] == WHOLE["output"]
