import asyncio
import json
from dataclasses import replace

import pytest

from harness.event_stream import parse
from harness.model import Reply, Request, Response
from harness.replay.client import send
from harness.upstream.paced import COUNTS, Pace, PacedUpstream
from tests.waiting import until

QUICK = Pace(first_byte=0.0, between=0.0, events=5)


def asking(path: str, **body: object) -> Request:
    return Request("POST", path, (("Content-Type", "application/json"),), json.dumps(body).encode())


async def answered(upstream: PacedUpstream, request: Request) -> Response:
    exchange = await send(request, upstream.url)
    assert isinstance(exchange.outcome, Response)
    return exchange.outcome


def body_of(response: Response) -> bytes:
    return b"".join(chunk.data for chunk in response.chunks)


@pytest.mark.parametrize(
    ("path", "last"),
    [("/anthropic/v1/messages", '{"type":"message_stop"}'), ("/openai/v1/chat/completions", "[DONE]")],
)
async def test_a_stream_has_as_many_events_of_content_as_it_is_told(path: str, last: str) -> None:
    async with PacedUpstream(pace=QUICK) as upstream:
        events, rest = parse(body_of(await answered(upstream, asking(path, model="m", stream=True))))
    assert [event.data for event in events].count(last) == 1
    assert events[-1].data == last
    assert rest == b""
    assert sum("word" in event.data for event in events) == 5


@pytest.mark.parametrize("path", ["/anthropic/v1/messages", "/openai/v1/chat/completions"])
def test_what_has_no_words_may_come_with_what_has_some(path: str) -> None:
    apart, together = PacedUpstream(pace=QUICK), PacedUpstream(pace=replace(QUICK, together=True))
    request = asking(path, model="m", stream=True)
    assert b"".join(apart.pieces(request)) == b"".join(together.pieces(request))
    assert [piece.count(b"word") for piece in together.pieces(request)] == [1] * 5
    whole = asking(path, model="m")
    assert apart.pieces(whole) == together.pieces(whole)


async def test_a_whole_answer_bears_the_model_that_was_asked_for() -> None:
    async with PacedUpstream(pace=QUICK) as upstream:
        for model in ("one", "two"):
            response = await answered(upstream, asking("/v1/chat/completions", model=model))
            assert json.loads(body_of(response))["model"] == model


async def test_it_counts_what_was_in_flight_at_one_time() -> None:
    async with PacedUpstream(pace=Pace(0.2, 0.0, 2)) as upstream:
        await asyncio.gather(*(answered(upstream, asking("/v1/messages", model="m")) for _ in range(7)))
        told = json.loads(body_of(await answered(upstream, Request("GET", COUNTS))))
    assert (told["calls"], told["peak"], told["in_flight"], told["complete"]) == (7, 7, 0, 7)
    assert told["paths"] == {"/v1/messages": 7}


def test_an_answer_that_is_not_streamed_may_take_longer() -> None:
    pace = Pace(0.3, 0.1, 40, whole=4.3)
    assert (pace.first(streams=True), pace.first(streams=False), Pace(0.3).first(streams=False)) == (0.3, 4.3, 0.3)


async def test_a_call_that_is_left_is_counted_as_such() -> None:
    async with PacedUpstream(pace=Pace(0.0, 60.0, 3)) as upstream:
        leave = asyncio.Event()
        call = asyncio.create_task(
            send(
                asking("/v1/messages", model="m", stream=True),
                upstream.url,
                on_event=lambda _: leave.set(),
                leave=leave,
            )
        )
        await call
        await until(lambda: not upstream.counts.in_flight)
    assert (upstream.counts.left, upstream.counts.complete) == (1, 0)


async def test_a_policy_answers_in_its_place() -> None:
    refusal = Reply(503, (("cf-mitigated", "challenge"),), b"no")
    async with PacedUpstream(pace=QUICK, policy=lambda _: refusal) as upstream:
        response = await answered(upstream, asking("/v1/messages", model="m"))
    assert (response.status, body_of(response)) == (503, b"no")
    assert (upstream.counts.refused, upstream.counts.calls) == (1, 0)
