"""A streamed answer, scrubbed as the whole that it will be: its pieces are joined, scrubbed, and cut where they were.

Each stand-in has the length of what it stands for, so every chunk keeps its borders and its size.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from harness.event_stream import parse
from harness.traffic.scrub_json import Bodies, Change, restyle

Channel = tuple[object, ...]  # which text a piece belongs to
Place = tuple[str | int, ...]  # where it stands in the event's tree

_ANTHROPIC = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}
_CHAT = ("content", "reasoning_content", "refusal", "reasoning")


def scrub_stream(data: bytes, bodies: Bodies) -> bytes:
    """Whole events are scrubbed; the bytes of one that was cut off are prose."""
    events, rest = parse(data)
    pieces = _scrubbed_pieces([event.data for event in events], bodies)
    parts = [_scrub_event(event.raw, event.data, pieces[index], bodies) for index, event in enumerate(events)]
    return b"".join(parts) + bodies.prose(rest.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _scrub_event(raw: bytes, data: str, pieces: Mapping[Place, str], bodies: Bodies) -> bytes:
    scrubbed = restyle(data, lambda tree: _with_pieces(bodies.tree(tree), pieces))
    if scrubbed is None:
        scrubbed = data if data == "[DONE]" else bodies.prose(data)
    old, new = data.split("\n"), scrubbed.split("\n")
    for before, after in zip(old, new, strict=True):
        raw = raw.replace(before.encode(), after.encode(), 1) if before else raw
    return raw


def _scrubbed_pieces(datas: list[str], bodies: Bodies) -> list[dict[Place, str]]:
    """Per event, the pieces that it carries, by their place."""
    channels: dict[Channel, list[tuple[int, Place, str]]] = defaultdict(list)
    for index, data in enumerate(datas):
        for channel, place, text in _pieces(_loads(data)):
            channels[channel].append((index, place, text))
    scrubbed: list[dict[Place, str]] = [{} for _ in datas]
    for channel, found in channels.items():
        whole = iter(_change(channel, bodies)("".join(text for _, _, text in found)))
        for index, place, text in found:
            scrubbed[index][place] = "".join(islice(whole, len(text)))
    return scrubbed


def _change(channel: Channel, bodies: Bodies) -> Change:
    match channel[-1]:
        case "partial_json" | "arguments":
            return bodies.arguments
        case "signature":
            return bodies.opaque
        case _:
            return bodies.prose


def _pieces(tree: Any) -> Iterator[tuple[Channel, Place, str]]:
    match tree:
        case {"type": "content_block_delta", "delta": {"type": str(kind)}} if kind in _ANTHROPIC:
            yield from _piece((tree.get("index"),), ("delta",), tree["delta"], _ANTHROPIC[kind])
        case {"type": str(kind), "delta": str()} if kind.startswith("response."):
            name = "arguments" if "arguments" in kind else "text"
            yield (kind, tree.get("output_index"), tree.get("content_index"), name), ("delta",), tree["delta"]
        case {"choices": [*_]}:
            for number, choice in enumerate(tree["choices"]):
                yield from _of_choice(number, choice)
        case {"candidates": [{"content": {"parts": [{"text": str(text)}]}}]}:
            yield ("candidate", "text"), ("candidates", 0, "content", "parts", 0, "text"), text


def _of_choice(number: int, choice: Any) -> Iterator[tuple[Channel, Place, str]]:
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if not isinstance(delta, dict):
        return
    channel, place = (choice.get("index"),), ("choices", number, "delta")
    for name in _CHAT:
        yield from _piece(channel, place, delta, name)
    for position, call in enumerate(delta.get("tool_calls") or []):
        function = (*place, "tool_calls", position, "function")
        yield from _piece((*channel, call.get("index")), function, call.get("function", {}), "arguments")


def _piece(channel: Channel, place: Place, owner: dict[str, Any], name: str) -> Iterator[tuple[Channel, Place, str]]:
    if isinstance(owner.get(name), str):
        yield (*channel, name), (*place, name), owner[name]


def _with_pieces(tree: Any, pieces: Mapping[Place, str]) -> Any:
    for place, text in pieces.items():
        owner = tree
        for part in place[:-1]:
            owner = owner[part]
        owner[place[-1]] = text
    return tree


def _loads(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
