"""The bytes of an event stream -> events, assembled message, violations of the protocol's grammar, framing, and end."""

from __future__ import annotations

import re
from functools import lru_cache

from harness.comparison import (
    anthropic_grammar,
    anthropic_message,
    openai_grammar,
    openai_message,
    responses_grammar,
    responses_message,
)
from harness.comparison.content import tree_or_text, written
from harness.event_stream import ServerEvent, parse
from harness.model import Json

Event = tuple[str, Json]  # its name, "" for none, and its data: a tree where it is JSON


def stream_tree(body: bytes, path: str) -> dict[str, Json]:
    """`body` is decoded; `path` is the request's, and says which protocol the client expects."""
    return {**_stream_tree(body, path)}


@lru_cache(maxsize=32)  # several targets pass the same stream on
def _stream_tree(body: bytes, path: str) -> dict[str, Json]:
    parsed, incomplete = parse(body)
    events = [(event.event, tree_or_text(event.data)) for event in parsed]
    return {
        "events": [_event(event, data) for event, (_, data) in zip(parsed, events, strict=True)],
        **_meaning(events, path.partition("?")[0]),
        "framing": _framing(parsed, incomplete),
        "ended": ended(events),
    }


def ended(events: list[Event]) -> str:
    """What came last: `message_stop`, `[DONE]`, `error`, ... A stream that was cut ends with something else."""
    if not events:
        return "nothing"
    name, data = events[-1]
    if not isinstance(data, dict):
        return str(data)
    if data.get("error") is not None:
        return "error"
    return str(data.get("type") or data.get("object") or name)


def _meaning(events: list[Event], path: str) -> dict[str, Json]:
    if path.endswith("/messages"):
        return {"message": anthropic_message.assembled(events), "grammar": [*anthropic_grammar.violations(events)]}
    if path.endswith("/completions"):
        return {"message": openai_message.assembled(events), "grammar": [*openai_grammar.violations(events)]}
    if path.endswith("/responses"):
        return {"message": responses_message.assembled(events), "grammar": [*responses_grammar.violations(events)]}
    return {}


def _event(event: ServerEvent, data: Json) -> Json:
    more: dict[str, Json] = {"id": event.id, "retry": event.retry}
    return {"event": event.event, "data": data, **{key: value for key, value in more.items() if value is not None}}


def _framing(events: list[ServerEvent], incomplete: bytes) -> Json:
    """What a strict client could stumble over: fields, the space after a colon, line ends, no blank line at the end."""
    return {
        "shapes": [*sorted({_shape(event.raw) for event in events})],
        "written": [*sorted({way for event in events for way in written(event.data)})],
        "comments": [comment for event in events for comment in event.comments],
        "incomplete": incomplete.decode("utf-8", "backslashreplace"),
    }


def _shape(raw: bytes) -> str:
    """An event without its values: `event: \\n data: \\n \\n`."""
    lines = re.findall(r"([^\r\n]*)(\r\n|\r|\n)", raw.decode("utf-8", "replace"))
    return " ".join(_field(line) + repr(end)[1:-1] for line, end in lines)


def _field(line: str) -> str:
    name, colon, value = line.partition(":")
    if not name and colon:
        return ":"  # a comment
    return name + colon + (" " if value.startswith(" ") else "")
