"""The order of events in an OpenAI Responses stream, as an automaton.

Source: OpenAI's API reference, "Streaming events" of Responses, and what openai-python's ResponseStreamState
(lib/streaming/responses) relies on: response.created first; each output item added, filled and done, its content parts
within it; one event that ends the response; sequence numbers that grow. An error ends a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.model import Json

_FRESH, _OPEN, _OVER = "before response.created", "within the response", "after its end"

_NEXT = {
    (_FRESH, "response.created"): _OPEN,
    (_OPEN, "response.queued"): _OPEN,
    (_OPEN, "response.in_progress"): _OPEN,
    **{(_OPEN, f"response.{end}"): _OVER for end in ("completed", "incomplete", "failed")},
    **{(state, "error"): _OVER for state in (_FRESH, _OPEN)},
}
_LIFECYCLE = frozenset(kind for _, kind in _NEXT)
_OF_PARTS = ("response.output_text.", "response.refusal.")
_OF_ITEMS = ("response.content_part.", "response.function_call_arguments.", "response.reasoning", *_OF_PARTS)

Part = tuple[int, int]  # output_index, content_index


@dataclass(slots=True)
class _Stream:
    """What is known so far."""

    state: str = _FRESH
    number: float = -1  # the last sequence number
    items: dict[int, bool] = field(default_factory=dict)  # output_index -> it is open
    parts: dict[Part, bool] = field(default_factory=dict)


def violations(events: Sequence[tuple[str, Json]]) -> Iterator[str]:
    """Each names the event by its number; an event of an unknown type is no violation, clients skip it."""
    stream = _Stream()
    for number, (name, data) in enumerate(events):
        if data == "[DONE]" and stream.state == _OVER:
            continue  # some gateways end every stream so
        yield from (f"event {number}: {wrong}" for wrong in _event(stream, name, data))


def _event(stream: _Stream, name: str, data: Json) -> Iterator[str]:
    if not isinstance(data, dict):
        yield "its data is not a JSON object"
        return
    kind = str(data.get("type", "error" if "error" in data else None))
    if name not in ("", kind):
        yield f"is called {name!r}, its data says {kind}"
    yield from _in_sequence(stream, data.get("sequence_number"))
    if kind in _LIFECYCLE:
        yield from _lifecycle(stream, kind)
    elif kind.startswith("response."):
        if stream.state != _OPEN:
            yield f"{kind} {stream.state}"
        yield from _output(stream, kind, data)


def _in_sequence(stream: _Stream, number: Json) -> Iterator[str]:
    if isinstance(number, int | float):
        if number <= stream.number:
            yield f"sequence number {number} after {stream.number}"
        stream.number = number


def _lifecycle(stream: _Stream, kind: str) -> Iterator[str]:
    if (stream.state, kind) not in _NEXT:
        yield f"{kind} {stream.state}"
    if kind == "response.completed":
        yield from (f"{kind} while output {index} is open" for index, is_open in stream.items.items() if is_open)
    stream.state = _NEXT.get((stream.state, kind), stream.state)


def _output(stream: _Stream, kind: str, data: dict[str, Json]) -> Iterator[str]:
    index, part = data.get("output_index"), data.get("content_index")
    if kind.startswith(("response.output_item.", *_OF_ITEMS)) and not isinstance(index, int):
        yield f"{kind} without an output_index"
    elif kind == "response.output_item.added" and isinstance(index, int):
        if index in stream.items:
            yield f"output {index} begins a second time"
        stream.items[index] = True
    elif kind.startswith(_OF_ITEMS) and isinstance(index, int) and not stream.items.get(index):
        yield f"{kind} for output {index}, which is not open"
    elif kind == "response.output_item.done" and isinstance(index, int):
        yield from _item_done(stream, index)
    elif isinstance(index, int) and isinstance(part, int):
        yield from _part(stream, kind, (index, part))


def _item_done(stream: _Stream, index: int) -> Iterator[str]:
    if not stream.items.get(index):
        yield f"output {index} ends, and is not open"
    yield from (
        f"output {index} ends while its part {p} is open" for (i, p), o in stream.parts.items() if i == index and o
    )
    stream.items[index] = False


def _part(stream: _Stream, kind: str, part: Part) -> Iterator[str]:
    told = f"part {part[1]} of output {part[0]}"
    match kind:
        case "response.content_part.added":
            if part in stream.parts:
                yield f"{told} begins a second time"
            stream.parts[part] = True
        case "response.content_part.done":
            if not stream.parts.get(part):
                yield f"{told} ends, and is not open"
            stream.parts[part] = False
        case _ if kind.startswith(_OF_PARTS) and not stream.parts.get(part):
            yield f"{kind} for {told}, which is not open"
