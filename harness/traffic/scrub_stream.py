"""A streamed answer, scrubbed as the whole that it will be: its pieces are joined, scrubbed, and cut where they were.

Each stand-in has the length of what it stands for, so every chunk keeps its borders and its size. Every byte that is
not human text stays: line ends, the space after a colon or its absence, the white space within an event's JSON.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from harness.traffic.json_text import JsonArray, JsonNode, JsonObject, JsonString, JsonText, read_json
from harness.traffic.malformed import MalformedBody
from harness.traffic.scrub_json import BODY, Bodies, Change

Channel = tuple[object, ...]  # which text a piece belongs to
Path = tuple[str | int, ...]  # where it stands in the event's tree
Edit = tuple[int, str]  # the index of a text of the same length that takes the place of what is there

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_FIELDS = ("event", "data", "id", "retry")  # WHATWG HTML, section 9.2.6
_NAME = re.compile(r"[\w.:/-]*")  # of an event; or milliseconds
# What servers say only to be heard, as a comment: OpenRouter, proxies, sse-starlette with the time of day.
_KEEP_ALIVE = re.compile(r"(?i:keep-?alive|ping|heartbeat|connected|openrouter processing|)(?: - \d{4}-[\d:. +-]+)?")
_ANTHROPIC = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}
_CHAT = ("content", "reasoning_content", "refusal", "reasoning")
_DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class _Line:
    """`name`: of a field, "" of a comment, None where it is neither; then the value is the whole line. `at`: where the
    value begins in the stream."""

    name: str | None
    value: str
    at: int

    @classmethod
    def of(cls, line: str, begin: int, *, is_open: bool) -> _Line:
        bom = 1 if begin == 0 and line.startswith("\ufeff") else 0
        name, colon, value = line[bom:].partition(":")
        is_field = name in (*_FIELDS, "") if colon else name in _FIELDS
        if not is_field and not (is_open and not colon and any(each.startswith(name) for each in _FIELDS)):
            return cls(None, line[bom:], begin + bom)
        bare = value.removeprefix(" ")
        return cls(name, bare, begin + len(line) - len(bare))


@dataclass(frozen=True, slots=True)
class _Event:
    """The lines of its data, and the data as JSON. `is_open`: no empty line has ended it."""

    lines: tuple[_Line, ...]
    read: JsonText
    is_open: bool

    @classmethod
    def of(cls, lines: Sequence[_Line], *, is_open: bool) -> _Event:
        return cls(tuple(lines), read_json("\n".join(line.value for line in lines)), is_open)

    @property
    def begins_as_json(self) -> bool:
        data = self.read.text.strip()
        return data[:1] in ("{", "[") and data != _DONE

    @property
    def is_json(self) -> bool:
        return self.read.is_whole or (self.begins_as_json and self.is_open and self.read.is_prefix)

    def place(self, index: int) -> int:
        """Where the character of the data that has this index stands in the stream."""
        for line in self.lines:
            if index <= len(line.value):
                return line.at + index
            index -= len(line.value) + 1
        return self.lines[-1].at + len(self.lines[-1].value)


def is_stream(text: str) -> bool:
    """Whether a text that does not say what it is has an event's data."""
    return any(line is not None and line.name == "data" for line in _lines(text))


def scrub_stream(text: str, bodies: Bodies, *, is_strict: bool) -> str:
    """Scrub data that are JSON as JSON, other data and comments as prose; the last event may have been cut off.

    Raises `MalformedBody` for data that begin as JSON and are none, and for a line that is no field of a stream. Where
    `is_strict` is False such data are scrubbed as far as they can be read, such a line as prose.
    """
    events = list(_events(text))
    pieces = _scrubbed_pieces([event.read for event in events], bodies)
    edits = [edit for event, known in zip(events, pieces, strict=True) for edit in _edit_event(event, known, bodies)]
    if is_strict and (wrong := next((e for e in events if e.begins_as_json and not e.is_json), None)) is not None:
        raise MalformedBody(
            f"the data of an event are no JSON: {wrong.read.problem}", text, wrong.place(wrong.read.end)
        )
    for line in _lines(text):
        if line is not None and line.name != "data":
            edits.append((line.at, _scrub_line(line, text, bodies, is_strict=is_strict)))
    return _apply_edits(text, edits)


def scrub_events(texts: Sequence[str], bodies: Bodies) -> list[str]:
    """The data of the events of a stream, each a text of JSON; what is none is as it was."""
    reads = [read_json(text) for text in texts]
    pieces = _scrubbed_pieces(reads, bodies)
    return [_with_pieces(read, known, bodies) for read, known in zip(reads, pieces, strict=True)]


def _with_pieces(read: JsonText, pieces: Mapping[Path, str], bodies: Bodies) -> str:
    known = {token: piece for path, piece in pieces.items() if (token := _at(read.values, path)) is not None}
    return bodies.json_text(read, BODY, known)


def _apply_edits(text: str, edits: Sequence[Edit]) -> str:
    parts, end = list[str](), 0
    for at, new in sorted(edits):
        parts += (text[end:at], new)
        end = at + len(new)
    return "".join((*parts, text[end:]))


def _lines(text: str) -> Iterator[_Line | None]:
    """None for an empty one, which ends an event."""
    for found in _LINE.finditer(text):
        if found[0]:
            yield _Line.of(found[1], found.start(), is_open=not found[2]) if found[1] else None


def _events(text: str) -> Iterator[_Event]:
    data: list[_Line] = []
    for line in _lines(text):
        if line is None and data:
            yield _Event.of(data, is_open=False)
            data = []
        elif line is not None and line.name == "data":
            data.append(line)
    if data:
        yield _Event.of(data, is_open=True)


def _edit_event(event: _Event, pieces: Mapping[Path, str], bodies: Bodies) -> Iterator[Edit]:
    read = event.read
    if event.is_json:
        scrubbed = _with_pieces(read, pieces, bodies)
    elif event.begins_as_json:
        scrubbed = bodies.as_far_as_read(read)
    else:
        scrubbed = read.text if read.text.strip() == _DONE else bodies.prose(read.text)
    yield from zip((line.at for line in event.lines), scrubbed.split("\n"), strict=True)


def _scrub_line(line: _Line, text: str, bodies: Bodies, *, is_strict: bool) -> str:
    match line.name:
        case "":
            return line.value if _KEEP_ALIVE.fullmatch(line.value) else bodies.prose(line.value)
        case "id":
            return bodies.id(line.value)
        case None:
            read = read_json(line.value)
            if read.is_whole and read.has_containers_only:
                return bodies.json_text(read)
            if is_strict:
                raise MalformedBody("this line is no field of a stream of events", text, line.at)
            return bodies.prose(line.value)
        case _:
            return bodies.texts.keep(line.value) if _NAME.fullmatch(line.value) else bodies.prose(line.value)


# --- the pieces that a text came in -----------------------------------------------------------------------------------


def _scrubbed_pieces(reads: Sequence[JsonText], bodies: Bodies) -> list[dict[Path, str]]:
    """Per event, the pieces that it carries, by their place."""
    channels: dict[Channel, list[tuple[int, Path, str]]] = defaultdict(list)
    for index, read in enumerate(reads):
        for channel, path, text in _pieces(_plain_tree(read)):
            channels[channel].append((index, path, text))
    scrubbed: list[dict[Path, str]] = [{} for _ in reads]
    for channel, found in channels.items():
        whole = iter(_change(channel, bodies)("".join(text for _, _, text in found)))
        for index, path, text in found:
            scrubbed[index][path] = "".join(islice(whole, len(text)))
    return scrubbed


def _change(channel: Channel, bodies: Bodies) -> Change:
    match channel[-1]:
        case "partial_json" | "arguments":
            return bodies.arguments
        case "signature":
            return bodies.opaque
        case _:
            return bodies.prose


def _pieces(tree: Any) -> Iterator[tuple[Channel, Path, str]]:
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


def _of_choice(number: int, choice: Any) -> Iterator[tuple[Channel, Path, str]]:
    if not isinstance(choice, dict):
        return
    channel, path = (choice.get("index"),), ("choices", number, "delta")
    yield from _piece((*channel, "completion"), path[:2], choice, "text")
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return
    for name in _CHAT:
        yield from _piece(channel, path, delta, name)
    yield from _piece((*channel, "function_call"), (*path, "function_call"), delta.get("function_call"), "arguments")
    calls = delta.get("tool_calls")
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            function = (*path, "tool_calls", position, "function")
            yield from _piece((*channel, call.get("index")), function, call.get("function"), "arguments")


def _piece(channel: Channel, path: Path, owner: Any, name: str) -> Iterator[tuple[Channel, Path, str]]:
    if isinstance(owner, dict) and isinstance(owner.get(name), str):
        yield (*channel, name), (*path, name), owner[name]


def _at(values: Sequence[JsonNode], path: Path) -> JsonString | None:
    """The string at that place of the first value; of several members of one name the last counts, as it does in
    `json.loads`."""
    node = values[0] if values else None
    for part in path:
        match node, part:
            case JsonObject(members), str():
                node = next((value for key, value in reversed(members) if key.value == part), None)
            case JsonArray(items), int():
                node = items[part]
            case _:
                return None
    return node if isinstance(node, JsonString) else None


def _plain_tree(read: JsonText) -> Any:
    """None for what is no JSON. Numbers are as they are spelled, whatever their size."""
    try:
        return json.loads(read.text, parse_int=str, parse_float=str, strict=False)
    except (ValueError, RecursionError):
        return None
