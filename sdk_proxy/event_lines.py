"""The lines of an upstream's stream: they end with CR, LF or CRLF, and with nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx._models
from httpx._decoders import LineDecoder

_LINE_END = re.compile(r"\r\n|\r|\n")  # WHATWG HTML, section 9.2.5


class EventLines(LineDecoder):
    """Decode text into lines as `httpx.Response.aiter_lines` does, but for what Python alone takes for line ends.

    httpx 0.28's LineDecoder splits like str.splitlines, also at U+0085, U+2028 and U+2029. JSON may have those within a
    string (RFC 8259, section 7): LiteLLM gets half an event twice then, and loses the words, or all that follows.
    """

    def decode(self, text: str) -> list[str]:
        if self.trailing_cr:
            text, self.trailing_cr = "\r" + text, False
        if text.endswith("\r"):  # the first half of a CRLF, maybe
            text, self.trailing_cr = text[:-1], True
        *lines, rest = _LINE_END.split(text) if "\r" in text else text.split("\n")
        if lines:
            lines[0] = "".join((*self.buffer, lines[0]))
            self.buffer = []
        if rest:
            self.buffer.append(rest)
        return lines


@contextmanager
def lines_of_events() -> Iterator[None]:
    """Replace the decoder of httpx's `iter_lines` and `aiter_lines` within the block."""
    models: Any = httpx._models
    models.LineDecoder = EventLines
    try:
        yield
    finally:
        models.LineDecoder = LineDecoder
