"""The order of events in an Anthropic Messages stream, as an automaton.

Source: Anthropic's "Streaming Messages": message_start; per block content_block_start, its deltas, content_block_stop;
one or more message_delta; message_stop. ping and error may come at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model import Json

_START, _MESSAGE, _CLOSING = "before message_start", "within the message", "after message_delta"
_DONE, _FAILED = "after message_stop", "after an error"

_NEXT = {
    (_START, "message_start"): _MESSAGE,
    (_MESSAGE, "content_block_start"): _MESSAGE,
    (_MESSAGE, "content_block_delta"): _MESSAGE,
    (_MESSAGE, "content_block_stop"): _MESSAGE,
    (_MESSAGE, "message_delta"): _CLOSING,
    (_CLOSING, "message_delta"): _CLOSING,
    (_CLOSING, "message_stop"): _DONE,
    **{(state, "error"): _FAILED for state in (_START, _MESSAGE, _CLOSING)},
    **{(state, "ping"): state for state in (_START, _MESSAGE, _CLOSING)},
}
_KNOWN = frozenset(kind for _, kind in _NEXT)

# A delta's type -> the types of block that it fits. Deltas that are not here are newer than this table: no judgement.
_FITS = {
    "text_delta": ("text",),
    "citations_delta": ("text",),
    "input_json_delta": ("tool_use", "server_tool_use", "mcp_tool_use"),
    "thinking_delta": ("thinking",),
    "signature_delta": ("thinking",),
}


def violations(events: Sequence[tuple[str, Json]]) -> Iterator[str]:
    """Each names the event by its number; an event of an unknown type is no violation, clients skip it."""
    state = _START
    blocks: dict[int, str | None] = {}  # index -> the type of the open block; None: it is closed
    for number, (name, data) in enumerate(events):
        if not isinstance(data, dict):
            yield f"event {number}: {name!r}: its data is not a JSON object"
            continue
        kind = str(data.get("type"))
        if kind != name:
            yield f"event {number}: is called {name!r}, its data says {kind}"
        if kind in _KNOWN and (state, kind) not in _NEXT:
            yield f"event {number}: {kind} {state}"
        elif kind in _KNOWN:
            yield from (f"event {number}: {wrong}" for wrong in _block(kind, data, blocks))
        state = _NEXT.get((state, kind), state)


def _block(kind: str, data: dict[str, Json], blocks: dict[int, str | None]) -> Iterator[str]:
    index = data.get("index")
    match kind:
        case "content_block_start" | "content_block_delta" | "content_block_stop" if not isinstance(index, int):
            yield f"{kind} without an index"
        case "content_block_start" if isinstance(index, int):
            yield from _opened(index, _type_of(data.get("content_block")), blocks)
        case "content_block_delta" if isinstance(index, int):
            yield from _continued(index, _type_of(data.get("delta")), blocks)
        case "content_block_stop" if isinstance(index, int):
            if blocks.get(index) is None:
                yield f"block {index} ends, and is not open"
            blocks[index] = None
        case "message_delta" | "message_stop":
            yield from (f"{kind} while block {index} is open" for index, block in blocks.items() if block is not None)


def _opened(index: int, kind: str, blocks: dict[int, str | None]) -> Iterator[str]:
    if index in blocks:
        yield f"block {index} begins a second time"
    elif index != len(blocks):
        yield f"block {index} begins where {len(blocks)} is next"
    yield from (f"block {index} begins while block {other} is open" for other, was in blocks.items() if was is not None)
    blocks[index] = kind


def _continued(index: int, delta: str, blocks: dict[int, str | None]) -> Iterator[str]:
    block = blocks.get(index)
    if block is None:
        yield f"{delta} for block {index}, which is not open"
    elif delta in _FITS and block not in _FITS[delta]:
        yield f"{delta} in block {index}, which is {block}"


def _type_of(value: Json) -> str:
    return str(value.get("type")) if isinstance(value, dict) else str(value)
