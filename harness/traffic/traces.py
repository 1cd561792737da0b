"""JSON lines that tracers of Claude Code and other clients write -> exchanges. Pure.

claude-trace (badlogic/lemmy, apps/claude-trace/src/interceptor.ts): a line for each call, {request: {timestamp, method,
url, headers, body}, response: {timestamp, status_code, headers, body | body_raw} or null}; times in seconds.
ccs-proxy (crate ccs-proxy 0.1.1, src/capture/mod.rs): a line for each call, {started_at, duration_ms, request: {method,
path, headers, body}, response: {status, headers, body_reassembled, raw_sse_text}}.
llm-interceptor, before it claude-code-inspector (chouzz/llm-interceptor, src/lli/proxy.py): lines of type `request`,
`response`, `response_chunk` (an event each) and `response_meta`, which share an id.

They keep JSON as a tree, not as it was spelled: such a body is written compactly, as the clients do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import BadInput
from harness.event_stream import encode
from harness.model import Exchange, Failure, Headers
from harness.traffic.imported import to_request, to_response
from harness.traffic.scenario_schema import compact

Line = tuple[int, Any]  # its number, from 1, and the tree
_NO_RESPONSE = Failure("cut", "no response")
_STREAM: Headers = (("content-type", "text/event-stream; charset=utf-8"),)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Request(_Part):
    method: str
    url: str | None = None
    path: str | None = None
    headers: dict[str, str | list[str]] = {}
    body: Any = None
    timestamp: float | None = None


class _Response(_Part):
    status_code: int | None = None
    status: int | None = None
    headers: dict[str, str | list[str]] = {}
    body: Any = None
    body_raw: str | None = None
    body_reassembled: Any = None
    raw_sse_text: str | None = None
    raw_sse_frames_count: int = 0
    timestamp: float | None = None


class _Call(_Part):
    """A line of claude-trace or ccs-proxy."""

    request: _Request
    response: _Response | None
    started_at: datetime | None = None
    duration_ms: float = 0


class _Record(_Part):
    """A line of llm-interceptor."""

    type: Literal["request", "response", "response_chunk", "response_meta"]
    id: str | None = None
    request_id: str | None = None
    timestamp: datetime | None = None
    method: str = "POST"
    url: str = ""
    headers: dict[str, str | list[str]] = {}
    body: Any = None
    status_code: int = 200
    content: Any = None
    latency_ms: float = 0
    total_latency_ms: float = 0


def is_call(tree: object) -> bool:
    return isinstance(tree, Mapping) and isinstance(tree.get("request"), Mapping) and "response" in tree


def is_record(tree: object) -> bool:
    return isinstance(tree, Mapping) and (
        (tree.get("type") == "request" and {"id", "url"} <= tree.keys())
        or (str(tree.get("type")).startswith("response") and "request_id" in tree)
    )


def exchanges(lines: Sequence[Line], file: str) -> tuple[Exchange, ...]:
    """In the order of their beginnings. Raises `BadInput` with the line of what cannot be read."""
    found = list(_pair_records(lines, file) if is_record(lines[0][1]) else (_to_exchange(line, file) for line in lines))
    return tuple(sorted(found, key=lambda exchange: exchange.at))


def _to_exchange(line: Line, file: str) -> Exchange:
    number = line[0]
    call = _validate(_Call, line, file)
    sent, came = call.request, call.response
    url = sent.url or sent.path
    if url is None:
        raise BadInput("the request has neither a url nor a path", file, number, "request")
    at = call.started_at.timestamp() if call.started_at else sent.timestamp
    request = to_request(sent.method, url, _pairs(sent.headers), _bytes(sent.body))
    if came is None:
        return Exchange(request, _NO_RESPONSE, at=at or float(number))
    status = came.status_code or came.status
    if status is None:
        raise BadInput("the response has neither a status_code nor a status", file, number, "response")
    if came.raw_sse_frames_count and came.raw_sse_text is None:
        raise BadInput("the events of the stream were not kept, only what they make together", file, number, "response")
    texts = (came.body_raw, came.raw_sse_text, came.body_reassembled)
    body = _bytes(next((text for text in texts if text is not None), came.body))
    seconds = (came.timestamp or 0) - (sent.timestamp or 0) or call.duration_ms / 1000
    response = to_response(status, _pairs(came.headers), body, max(0.0, seconds))
    return Exchange(request, response, at=at or float(number))


def _pair_records(lines: Sequence[Line], file: str) -> Iterator[Exchange]:
    records = [(number, _validate(_Record, (number, tree), file)) for number, tree in lines]
    for number, asked in records:
        if asked.type == "request":
            request = to_request(asked.method, asked.url, _pairs(asked.headers), _bytes(asked.body))
            at = asked.timestamp.timestamp() if asked.timestamp else float(number)
            answers = [each for _, each in records if each.type != "request" and each.request_id == asked.id]
            yield Exchange(request, _outcome(answers), at=at)


def _outcome(answers: Sequence[_Record]) -> Any:
    whole = next((each for each in answers if each.type == "response"), None)
    if whole is not None:
        return to_response(whole.status_code, _pairs(whole.headers), _bytes(whole.body), whole.latency_ms / 1000)
    chunks = [each for each in answers if each.type == "response_chunk"]
    meta = next((each for each in answers if each.type == "response_meta"), None)
    if not chunks and meta is None:
        return _NO_RESPONSE
    seconds = meta.total_latency_ms / 1000 if meta else 0.0
    failure = None if meta else Failure("cut", "the trace ends before the stream")
    body = b"".join(map(_event, (each.content for each in chunks)))
    return to_response((meta or chunks[0]).status_code, _STREAM, body, seconds, failure=failure)


def _event(content: Any) -> bytes:
    """The tracer keeps an event's data, and puts its name into the event before: the type in the data is the name, as
    Anthropic's and OpenAI's events have it."""
    match content:
        case {"done": True}:
            return encode("[DONE]")
        case {"raw": str(data)}:
            return encode(data)
        case dict():
            tree = {name: value for name, value in content.items() if name != "_event_type"}
            name = tree.get("type")
            return encode(compact(tree).decode(), name if isinstance(name, str) else "")
        case _:
            return encode(compact(content).decode())


def _validate(model: type[Any], line: Line, file: str) -> Any:
    try:
        return model.model_validate(line[1])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(f"is no call: {first['msg']}", file, line[0], "/".join(map(str, first["loc"]))) from error


def _bytes(body: Any) -> bytes:
    """A text as it is, a tree as compact JSON, nothing for null."""
    return b"" if body is None else body.encode("utf-8", "surrogatepass") if isinstance(body, str) else compact(body)


def _pairs(headers: Mapping[str, str | Iterable[str]]) -> Headers:
    lists = ((name, [value] if isinstance(value, str) else value) for name, value in headers.items())
    return tuple((name, value) for name, values in lists for value in values)
