"""Where the chunks of a stream were cut: a client that reads one as a text, or as an event, stumbles over some cuts."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from harness.event_stream import EventParser
from harness.model import Json

_BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r")


def torn(chunks: Sequence[bytes]) -> Json:
    """What the end of some chunk cuts in two: "events", "letters". How many do depends on the clock."""
    if all(chunk.endswith(_BLANK_LINES) for chunk in chunks[:-1]):
        return []  # much faster, and what nearly all are
    events, letters = EventParser(), codecs.getincrementaldecoder("utf-8")("replace")
    found: set[str] = set()
    for chunk in chunks[:-1]:
        events.feed(chunk)
        letters.decode(chunk)
        found |= {"events"} if _begun(events.incomplete) else set()
        found |= {"letters"} if letters.getstate()[0] else set()
    return [*sorted(found)]


def _begun(incomplete: bytes) -> bool:
    """Whether it is the beginning of something, and not a comment with the blank line behind it."""
    return bool(incomplete) and not incomplete.endswith(_BLANK_LINES)
