"""What passed both recorders -> a Scenario: the client's requests are its steps, the provider's answers the replies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
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
    Wait,
    WaitForClient,
    header,
)
from harness.traffic import content_coding
from harness.traffic.pairing import end, pair

_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}
)  # RFC 9110
_ENOUGH_DELTAS = 3  # a stream with as many pieces of content shows a proxy that holds them back
_PAUSE, _LONGEST_PAUSE = 0.5, 1.0  # seconds: what counts as a pause of a stream, and what is kept of it
_SLACK = 0.005  # seconds: a request that close to the end of another was sent after it
_LAST_EVENTS = ("message_stop", "response.completed", "error")


def to_scenario(
    about: Scenario, client: Sequence[Exchange], upstream: Sequence[Exchange], *, as_sent: bool = False
) -> Scenario:
    """`about` says everything but the steps. Pure; not scrubbed yet: see `scrub`.

    `as_sent`: what the provider has compressed stays so, which nobody can read, or scrub; and what was read at once is
    sent at once: LiteLLM passes a ping on before what it holds back, unless both came together (1.106.2,
    llms/anthropic/pass_through/messages/streaming_iterator.py).
    """
    requests = sorted(client, key=lambda exchange: exchange.at)
    steps = [
        _step(exchange, calls, as_sent) for exchange, calls in zip(requests, pair(requests, upstream), strict=True)
    ]
    together = [_overlaps(requests, index) for index in range(len(requests))]
    marked = tuple(replace(step, together=at_once) for step, at_once in zip(steps, together, strict=True))
    return replace(about, steps=marked)


def _overlaps(requests: Sequence[Exchange], index: int) -> bool:
    ends = [ended for before in requests[:index] if (ended := end(before)) is not None]
    return any(ended - _SLACK > requests[index].at for ended in ends)


def _step(exchange: Exchange, calls: Sequence[Exchange], as_sent: bool) -> Step:
    replies = tuple(_reply(call, _is_messages(exchange) and _is_messages(call), as_sent) for call in calls)
    left = _left_after(exchange)
    return Step(_request(exchange.request), tuple(map(_held, replies)) if left == 0 else replies, leave_after=left)


def _held(reply: Reply) -> Reply:
    """The client left before its answer came, so that in a replay it must not come too soon."""
    return replace(reply, before=reply.before or (Wait(_LONGEST_PAUSE),))


def _is_messages(exchange: Exchange) -> bool:
    return exchange.request.path.partition("?")[0].endswith("/v1/messages")


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
    return None if events and is_last(events[-1]) else len(events)


def is_last(event: ServerEvent) -> bool:
    """Whether nothing that matters comes after it."""
    return event.data == "[DONE]" or event.event in _LAST_EVENTS


# --- replies --------------------------------------------------------------------------------------------------------


def _reply(call: Exchange, same_protocol: bool, as_sent: bool) -> Reply:
    if isinstance(call.outcome, Failure):
        return Reply(before=(Wait(_LONGEST_PAUSE) if call.outcome.kind == "left" else Cut(_how(call.outcome)),))
    response = call.outcome if as_sent else _decoded(call.outcome)
    headers = _reply_headers(response.headers)
    if response.failure is None and "event-stream" not in (header(headers, "content-type") or ""):
        return Reply(response.status, headers, response.body)
    chunks = tuple(_read_at_once(response.chunks)) if as_sent else response.chunks
    acts = tuple(_paced(chunks, _waits(chunks, same_protocol)))
    return Reply(response.status, headers, acts=(*acts, *_ending(response.failure)))


def _read_at_once(chunks: Sequence[Chunk]) -> Iterator[Chunk]:
    for at, read in groupby(chunks, key=lambda chunk: chunk.at):
        yield Chunk(at, b"".join(chunk.data for chunk in read))


def _ending(failure: Failure | None) -> tuple[Act, ...]:
    """A call that the gateway left was not at its end: it is held open, so that the gateway can leave it again."""
    if failure is None:
        return ()
    return (Wait(_LONGEST_PAUSE),) if failure.kind == "left" else (Cut(_how(failure)),)


def _how(failure: Failure) -> Literal["fin", "rst"]:
    return "rst" if failure.message.startswith("reset") else "fin"


def _reply_headers(headers: Headers) -> Headers:
    dropped = _OF_THE_CONNECTION | {"content-length"}
    return tuple((name, value) for name, value in headers if name.lower() not in dropped)


def _decoded(response: Response) -> Response:
    """Plain bytes, chunk by chunk, where the provider compressed although it was asked not to; as it is where that
    cannot be read, which `scrub` refuses."""
    names = content_coding.codings(response.headers)
    try:
        decoder = content_coding.Decoder(names)
        chunks = tuple(Chunk(chunk.at, plain) for chunk in response.chunks if (plain := decoder.decode(chunk.data)))
    except ValueError:
        return response
    if response.failure is None and not decoder.is_at_end:
        return response
    return replace(response, headers=content_coding.without_coding(response.headers), chunks=chunks)


def _paced(chunks: Sequence[Chunk], waits: Mapping[int, WaitForClient]) -> Iterator[Act]:
    """The chunks, with the longer pauses between them (cut short: a replay need not take as long), and `waits`, each
    after the chunk of that number."""
    before = 0.0
    for number, chunk in enumerate(chunks):
        if chunk.at - before >= _PAUSE:
            yield Wait(round(min(chunk.at - before, _LONGEST_PAUSE), 2))
        yield Send(chunk.data)
        if number in waits:
            yield waits[number]
        before = chunk.at


def _waits(chunks: Sequence[Chunk], same_protocol: bool) -> dict[int, WaitForClient]:
    """The stream waits once for its client, after the first piece of content.

    Where the client speaks the provider's protocol it has every event before that piece by then; where the gateway
    translates, at least one (LiteLLM 1.106.2 sends nothing but pings before the first piece).
    """
    events = [parse(chunk.data)[0] for chunk in chunks]
    deltas = [number for number, of_chunk in enumerate(events) if any(map(_has_content, of_chunk))]
    if len(deltas) < _ENOUGH_DELTAS:
        return {}
    seen = sum(map(len, events[: deltas[0]])) if same_protocol else 1
    return {deltas[0]: WaitForClient(max(1, seen))}


def _has_content(event: ServerEvent) -> bool:
    try:
        tree = json.loads(event.data)
    except (ValueError, RecursionError):
        return False
    match tree:
        case {"type": "content_block_delta" | "response.output_text.delta"} | {"candidates": [*_]}:
            return True
        case {"choices": [{"delta": {**delta}}, *_]}:
            return any(delta.get(name) for name in ("content", "tool_calls", "reasoning_content"))
        case _:
            return False
