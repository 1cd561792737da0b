"""What passed both recorders -> a Scenario: the client's requests are its steps, the provider's answers the replies."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from harness.event_stream import ServerEvent, parse
from harness.model import (
    Act,
    Chunk,
    Cut,
    Exchange,
    Failure,
    Headers,
    Reply,
    Request,
    Response,
    Scenario,
    Send,
    Step,
    WaitForClient,
    header,
)
from harness.traffic.pairing import end, pair

_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}
)  # RFC 9110
_ENOUGH_DELTAS = 3  # a stream with as many pieces of content shows a proxy that holds them back
_SLACK = 0.005  # seconds: a request that close to the end of another was sent after it
_LAST_EVENTS = ("message_stop", "response.completed", "error")


def to_scenario(about: Scenario, client: Sequence[Exchange], upstream: Sequence[Exchange]) -> Scenario:
    """`about` says everything but the steps. Pure; not scrubbed yet: see `scrub`."""
    requests = sorted(client, key=lambda exchange: exchange.at)
    steps = [_step(exchange, calls) for exchange, calls in zip(requests, pair(requests, upstream), strict=True)]
    together = [_overlaps(requests, index) for index in range(len(requests))]
    marked = tuple(replace(step, together=at_once) for step, at_once in zip(steps, together, strict=True))
    return replace(about, steps=marked)


def _overlaps(requests: Sequence[Exchange], index: int) -> bool:
    ends = [ended for before in requests[:index] if (ended := end(before)) is not None]
    return any(ended - _SLACK > requests[index].at for ended in ends)


def _step(exchange: Exchange, calls: Sequence[Exchange]) -> Step:
    same_protocol = exchange.request.path.partition("?")[0].endswith("/v1/messages")
    replies = tuple(_reply(call, same_protocol) for call in calls)
    return Step(_request(exchange.request), replies, leave_after=_left_after(exchange))


def _request(request: Request) -> Request:
    """As the client sent it; what belongs to the connection is the replay's."""
    dropped = (_OF_THE_CONNECTION - {"transfer-encoding"}) | {"content-length"}
    headers = tuple(
        (name, "<host>" if name.lower() == "host" else value)
        for name, value in request.headers
        if name.lower() not in dropped
    )
    return replace(request, headers=headers)


def _left_after(exchange: Exchange) -> int | None:
    """The number of events that the client had when it hung up; one that has the last event may well hang up."""
    outcome = exchange.outcome
    failure = outcome if isinstance(outcome, Failure) else outcome.failure
    if failure is None or failure.kind != "left":
        return None
    events = parse(outcome.body)[0] if isinstance(outcome, Response) else []
    return None if events and _is_last(events[-1]) else len(events)


def _is_last(event: ServerEvent) -> bool:
    return event.data == "[DONE]" or event.event in _LAST_EVENTS


# --- replies --------------------------------------------------------------------------------------------------------


def _reply(call: Exchange, same_protocol: bool) -> Reply:
    if isinstance(call.outcome, Failure):
        return Reply(before=(Cut(_how(call.outcome)),))
    response = _decoded(call.outcome)
    headers = _reply_headers(response.headers)
    if response.failure is None and "event-stream" not in (header(headers, "content-type") or ""):
        return Reply(response.status, headers, response.body)
    sends = tuple(Send(chunk.data) for chunk in response.chunks)
    acts = tuple(_unbuffered(sends, same_protocol))
    cut = (Cut(_how(response.failure)),) if response.failure is not None and response.failure.kind == "cut" else ()
    return Reply(response.status, headers, acts=(*acts, *cut))


def _how(failure: Failure) -> Literal["fin", "rst"]:
    return "rst" if failure.message.startswith("reset") else "fin"


def _reply_headers(headers: Headers) -> Headers:
    dropped = _OF_THE_CONNECTION | {"content-length"}
    return tuple((name, value) for name, value in headers if name.lower() not in dropped)


def _decoded(response: Response) -> Response:
    """Plain bytes, chunk by chunk, where the provider compressed although it was asked not to."""
    if header(response.headers, "content-encoding") not in ("gzip", "deflate"):
        return response
    decompress = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress  # 32: either header
    chunks = tuple(Chunk(chunk.at, plain) for chunk in response.chunks if (plain := decompress(chunk.data)))
    headers = tuple((name, value) for name, value in response.headers if name.lower() != "content-encoding")
    return replace(response, headers=headers, chunks=chunks)


def _unbuffered(sends: Sequence[Send], same_protocol: bool) -> Iterator[Act]:
    """The stream waits once for its client, after the first piece of content.

    Where the client speaks the provider's protocol it has every event before that piece by then; where the gateway
    translates, at least one (LiteLLM 1.106.2 sends nothing but pings before the first piece).
    """
    events = [parse(send.data)[0] for send in sends]
    deltas = [index for index, of_send in enumerate(events) if any(map(_has_content, of_send))]
    if len(deltas) < _ENOUGH_DELTAS:
        yield from sends
        return
    first = deltas[0]
    seen = sum(map(len, events[:first])) if same_protocol else 1
    yield from sends[: first + 1]
    yield WaitForClient(max(1, seen))
    yield from sends[first + 1 :]


def _has_content(event: ServerEvent) -> bool:
    try:
        tree = json.loads(event.data)
    except ValueError:
        return False
    match tree:
        case {"type": "content_block_delta"} | {"type": "response.output_text.delta"}:
            return True
        case {"choices": [{"delta": {**delta}}, *_]}:
            return any(delta.get(name) for name in ("content", "tool_calls", "reasoning_content"))
        case _:
            return False
