"""The events of an Anthropic Messages stream -> the message that a client puts together from them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from harness.comparison.content import tree_or_text
from harness.model import Json

# A delta's type -> the delta's key, and the block's key that it is appended to.
_APPENDED = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("partial_json", "input"),
}


def assembled(events: Sequence[tuple[str, Json]]) -> Json:
    """As anthropic-python's accumulate_event (lib/streaming) does it; None without a message_start.

    A tool's input is the tree of its JSON, or its text where the pieces do not make JSON.
    """
    message: dict[str, Json] | None = None
    blocks: dict[int, dict[str, Json]] = {}
    for _, data in events:
        if not isinstance(data, dict):
            continue
        if data.get("type") == "message_start":
            message = deepcopy(_object(data.get("message")))
        elif data.get("type") == "message_delta" and message is not None:
            _update(message, data)
        else:
            _block(blocks, data)
    if message is None:
        return None
    return {**message, "content": [_finished(blocks[index]) for index in sorted(blocks)]}


def _update(message: dict[str, Json], data: dict[str, Json]) -> None:
    """Usage is counted up: a later figure replaces an earlier one, key by key."""
    message |= _object(data.get("delta"))
    message["usage"] = {**_object(message.get("usage")), **_object(data.get("usage"))}
    message |= {key: value for key, value in data.items() if key not in ("type", "delta", "usage")}


def _block(blocks: dict[int, dict[str, Json]], data: dict[str, Json]) -> None:
    index = data.get("index")
    if not isinstance(index, int):
        return
    if data.get("type") == "content_block_start":
        blocks[index] = deepcopy(_object(data.get("content_block")))
    elif data.get("type") == "content_block_delta" and index in blocks:
        _append(blocks[index], _object(data.get("delta")))


def _append(block: dict[str, Json], delta: dict[str, Json]) -> None:
    kind = str(delta.get("type"))
    if kind in _APPENDED:
        source, target = _APPENDED[kind]
        before = block.get(target)
        block[target] = (before if isinstance(before, str) else "") + str(delta.get(source, ""))
    elif kind == "citations_delta":
        before = block.get("citations")
        block["citations"] = [*(before if isinstance(before, list) else []), delta.get("citation")]


def _finished(block: dict[str, Json]) -> Json:
    pieces = block.get("input")
    return {**block, "input": tree_or_text(pieces)} if isinstance(pieces, str) else block


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
