"""One answer as it comes: when its first content was there, the gaps behind it, and whether it is whole and right."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field

from harness.event_stream import parse
from harness.model import Json

# What an event with content holds, as bytes: the load generator looks at ten thousand events a second.
_CONTENT = re.compile(rb'"(?:content_block_delta|response\.output_text\.delta)"|"content": ?"(?!")|"tool_calls": ?\[')
_LAST = {"/messages": "message_stop", "/completions": "[DONE]", "/responses": "response.completed"}


@dataclass(slots=True)
class Reception:
    """Times are seconds of one clock, from the moment that the request was sent.

    `ttft`: to the first event with content; None where none came. `gaps`: between events with content.
    """

    path: str
    streams: bool
    status: int = 0
    gzip: bool = False
    ttft: float | None = None
    gaps: list[float] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    _latest: float = 0.0

    def got(self, data: bytes, at: float) -> None:
        self.body += data
        if not self.streams:
            if self.ttft is None:
                self.ttft = at
            return
        for _ in _CONTENT.finditer(data):
            if self.ttft is None:
                self.ttft = at
            else:
                self.gaps.append(at - self._latest)
            self._latest = at

    def wrong(self) -> str | None:
        """What is wrong with the whole answer; None: nothing. A 200 that holds half an answer is as wrong as a 500."""
        if self.status != 200:
            return f"HTTP {self.status}: {bytes(self.body[:200]).decode('utf-8', 'replace')}"
        if not self.streams:
            return None if _is_object(self._plain()) else "the body is no JSON object"
        return self._wrong_stream()

    def _plain(self) -> bytes:
        try:
            return zlib.decompress(self.body, 32 + zlib.MAX_WBITS) if self.gzip else bytes(self.body)
        except zlib.error:
            return b""

    def _wrong_stream(self) -> str | None:
        events, rest = parse(bytes(self.body))
        if not events:
            return "the stream has no event"
        if rest.strip():
            return "the stream ends within an event"
        error = next((event.data for event in events if event.event == "error" or '"error":' in event.data[:12]), None)
        if error is not None:
            return f"an error in the stream: {error[:200]}"
        if last_of(self.path) not in (events[-1].event, events[-1].data):
            return f"the stream ends with {events[-1].data[:80]!r}"
        return None if self.ttft is not None else "the stream has no content"


def last_of(path: str) -> str:
    """The event that ends a whole stream on that route."""
    route = path.partition("?")[0]
    return next((last for ending, last in _LAST.items() if route.endswith(ending)), "[DONE]")


def _is_object(body: bytes) -> bool:
    try:
        tree: Json = json.loads(body)
    except ValueError:
        return False
    return isinstance(tree, dict)
