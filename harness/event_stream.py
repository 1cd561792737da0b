"""Server-sent events: bytes in any split -> events, and back (WHATWG HTML, section 9.2.6).

Nothing is lost: the `raw` of all events, and then `incomplete`, are the bytes that were fed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

BOM = b"\xef\xbb\xbf"
# A CR at the very end of what has come is not a line's end yet: its LF may follow.
_LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")
_ANY_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One dispatched event. `event` is "" where the stream names none, which clients read as "message"."""

    event: str
    data: str  # the data lines, joined by LF
    id: str | None = None
    retry: int | None = None
    comments: tuple[str, ...] = ()  # those since the event before
    raw: bytes = b""  # every byte since the end of the event before: comments and empty events are in it


@dataclass(slots=True)
class _Block:
    """The lines since the last dispatch."""

    event: str = ""
    data: list[str] = field(default_factory=list)
    id: str | None = None
    retry: int | None = None
    comments: list[str] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)

    def take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "":
                self.comments.append(value)
            case "event":
                self.event = value
            case "data":
                self.data.append(value)
            case "id" if "\0" not in value:
                self.id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = int(value)

    def forget_fields(self) -> None:
        """What a blank line does after a block without data: no event, but its bytes and comments stay."""
        self.event, self.id, self.retry = "", None, None

    def dispatched(self) -> ServerEvent:
        data = "\n".join(self.data)
        return ServerEvent(self.event, data, self.id, self.retry, tuple(self.comments), bytes(self.raw))


class EventParser:
    """Feed it bytes as they come; it gives the events that are complete."""

    def __init__(self) -> None:
        self._block = _Block()
        self._rest = b""  # the line that has not ended
        self._begun = False

    @property
    def incomplete(self) -> bytes:
        """What no event has come of: an unfinished block is never dispatched, not even at the stream's end."""
        return bytes(self._block.raw) + self._rest

    def feed(self, data: bytes) -> list[ServerEvent]:
        text, self._rest = self._rest + data, b""
        begin, events = 0, list[ServerEvent]()
        for end in _LINE_END.finditer(text):
            events += self._line(text[begin : end.start()], end.group())
            begin = end.end()
        self._rest = text[begin:]
        return events

    def close(self) -> list[ServerEvent]:
        """The stream has ended: a CR that waited for its LF is a line's end after all."""
        if not self._rest.endswith(b"\r"):
            return []
        line, self._rest = self._rest[:-1], b""
        return list(self._line(line, b"\r"))

    def _line(self, line: bytes, end: bytes) -> Iterator[ServerEvent]:
        block = self._block
        block.raw += line + end
        content = line if self._begun else line.removeprefix(BOM)
        self._begun = True
        if content:
            block.take(content.decode("utf-8", "replace"))
        elif block.data:
            self._block = _Block()
            yield block.dispatched()
        else:
            block.forget_fields()


def parse(data: bytes) -> tuple[list[ServerEvent], bytes]:
    """All events of a whole stream, and the bytes after the last of them."""
    parser = EventParser()
    events = parser.feed(data) + parser.close()
    return events, parser.incomplete


def encode(data: str, event: str = "", id: str | None = None, retry: int | None = None) -> bytes:
    """One event with LF line ends, in the order that Anthropic and OpenAI use: event, data, id, retry."""
    lines = [f"event: {event}"] if event else []
    lines += [f"data: {line}" for line in _ANY_LINE_END.split(data)]
    lines += [f"id: {id}"] if id is not None else []
    lines += [f"retry: {retry}"] if retry is not None else []
    return "\n".join([*lines, "", ""]).encode()
