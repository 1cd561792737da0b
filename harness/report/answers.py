"""What an upstream does with a call, in a word or two: "200", "429, retry-after", "200, 529 in mid-stream". Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from harness.event_stream import ServerEvent, parse
from harness.model import Cut, Reply, Send, header

NO_CALL = "no call"
NO_HEADERS = "cut before the headers"
LEFT_EARLY = "client leaves before the answer"
LEFT = "client leaves"
AT_FIRST, MIDWAY = "before the first event", "in mid-stream"

_LAST_EVENT = re.compile(rb'\[DONE\]|"message_stop"|"response\.(?:completed|incomplete)"|"finishReason"')
# What the providers call their errors -> the status that the same error has as an answer of its own.
_NAMED = {
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def answer_of(reply: Reply) -> str:
    """Its status, with what a client has to notice in it; in a stream also what goes wrong, and where."""
    if any(isinstance(act, Cut) for act in reply.before):
        return NO_HEADERS
    if reply.status >= 400:
        return ", ".join((str(reply.status), *_marks(reply)))
    fault = None if reply.acts is None else _fault(reply)
    return f"{reply.status}, {fault}" if fault else str(reply.status)


def _marks(reply: Reply) -> list[str]:
    if header(reply.headers, "server") == "cloudflare":
        return ["Cloudflare"]
    if "html" in (header(reply.headers, "content-type") or ""):
        return ["HTML"]
    return ["retry-after"] if reply.status == 429 and header(reply.headers, "retry-after") else []


def _fault(reply: Reply) -> str | None:
    """What goes wrong in a stream, if anything does."""
    acts = reply.acts or ()
    data = b"".join(act.data for act in acts if isinstance(act, Send))
    events = [event for event in parse(data)[0] if event.event != "ping"]
    error = next((number for number, event in enumerate(events) if _is_error(event)), None)
    if error is not None:
        return f"{_status_told(events[error]) or 'error'} {MIDWAY if error else AT_FIRST}"
    what = "cut" if any(isinstance(act, Cut) for act in acts) else None if _LAST_EVENT.search(data) else "truncated"
    return what and f"{what} {MIDWAY if events else AT_FIRST}"


def _is_error(event: ServerEvent) -> bool:
    return event.event in ("error", "response.failed") or event.data.startswith('{"error"')


def _status_told(event: ServerEvent) -> int | None:
    """The status that the error stands for: its number, or what its name means; None where it has neither."""
    tree = _object(event.data)
    inner = tree.get("error") or _object(tree.get("response")).get("error") or tree
    said = [inner.get("code"), inner.get("type")] if isinstance(inner, dict) else []
    statuses = (one if isinstance(one, int) else _NAMED.get(str(one)) for one in said)
    return next((status for status in statuses if status is not None), None)


def _object(value: object) -> dict[str, Any]:
    try:
        tree = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}
