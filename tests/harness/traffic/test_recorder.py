from __future__ import annotations

import asyncio
from functools import partial

import pytest

from harness.errors import BadInput, PortTaken
from harness.model import Cut, Exchange, Failure, Reply, Request, Response, Scenario, Send, Step, WaitForClient
from harness.replay.client import send
from harness.traffic.recorder import Recorder
from harness.upstream.app import SimulatedUpstream
from tests.waiting import PATIENCE

POST = Request(
    "POST", "/v1/messages?beta=true", (("Host", "<h>"), ("X-Own", "A"), ("accept-encoding", "br")), b'{"a":1}'
)
STREAM = (("content-type", "text/event-stream"),)
EVENTS = (Send(b"data: 1\n\n"), Send(b"data: 2\n\n"), Send(b"data: 3\n\n"))


async def through(reply: Reply, request: Request = POST) -> tuple[Exchange, Exchange, Exchange]:
    """What the client, the recorder and the upstream saw of one call."""
    scenario = Scenario("a/b", "a", "", "scripted", (), (Step(request, (reply,)),))
    async with SimulatedUpstream() as upstream, Recorder(upstream.url + "/base") as recorder:
        with upstream.play(scenario) as play:
            play.begin(0)
            seen = await send(request, recorder.url, on_event=partial(play.client_saw, 0), patience=PATIENCE)
            play.end(0)
            await play.settle(PATIENCE)
        assert not play.effects().withheld
        return seen, recorder.exchanges[0], play.exchanges()[0]


def body_of(exchange: Exchange) -> bytes:
    assert isinstance(exchange.outcome, Response)
    return exchange.outcome.body


async def test_a_call_passes_as_it_is_but_for_the_host_and_the_accepted_encoding() -> None:
    seen, recorded, arrived = await through(Reply(201, (("X-Back", "B"),), b"whole"))
    assert recorded.request.headers == (*POST.headers, ("Content-Length", "7"))
    assert (recorded.request.path, recorded.request.body) == (POST.path, POST.body)
    assert arrived.request.path == "/base/v1/messages?beta=true"
    assert arrived.request.body == POST.body
    names = [(name, value) for name, value in arrived.request.headers if name not in ("Host", "Content-Length")]
    assert names == [("X-Own", "A"), ("accept-encoding", "identity")]
    assert isinstance(seen.outcome, Response)
    assert isinstance(recorded.outcome, Response)
    assert recorded.outcome.headers == seen.outcome.headers
    assert (recorded.outcome.status, body_of(recorded), recorded.outcome.failure) == (201, b"whole", None)


async def test_a_stream_passes_chunk_by_chunk_and_is_kept_so() -> None:
    acts = (EVENTS[0], WaitForClient(1), EVENTS[1], WaitForClient(2), EVENTS[2])
    seen, recorded, _ = await through(Reply(200, STREAM, acts=acts))
    assert isinstance(recorded.outcome, Response)
    assert [chunk.data for chunk in recorded.outcome.chunks] == [event.data for event in EVENTS]
    times = [chunk.at for chunk in recorded.outcome.chunks]
    assert times == sorted(times)
    assert body_of(seen) == body_of(recorded)


@pytest.mark.parametrize(("how", "words"), [("fin", "closed"), ("rst", "reset")])
async def test_a_stream_that_is_cut_is_cut_for_the_client_in_the_same_way(how: str, words: str) -> None:
    seen, recorded, _ = await through(
        Reply(200, STREAM, acts=(EVENTS[0], WaitForClient(1), Cut("rst" if how == "rst" else "fin")))
    )
    for exchange in (seen, recorded):
        assert isinstance(exchange.outcome, Response)
        assert exchange.outcome.failure is not None
        assert exchange.outcome.failure.kind == "cut"
        assert exchange.outcome.failure.message.startswith(words)
        assert body_of(exchange) == EVENTS[0].data


async def test_a_call_without_any_answer_is_a_failure() -> None:
    _, recorded, _ = await through(Reply(before=(Cut("rst"),)))
    assert isinstance(recorded.outcome, Failure)


async def test_an_answer_to_head_ends_with_its_headers() -> None:
    _, recorded, _ = await through(Reply(200, (("content-length", "7"),)), Request("HEAD", "/", (("Host", "h"),)))
    assert isinstance(recorded.outcome, Response)
    assert recorded.outcome.failure is None


async def test_a_connection_that_is_kept_alive_gives_an_exchange_for_each_call() -> None:
    replies = iter([Reply(200, (), b"one"), Reply(200, (), b"two")])
    wire = b"POST /%d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    async with SimulatedUpstream(improvise=lambda _: next(replies)) as upstream, Recorder(upstream.url) as recorder:
        host, port = recorder.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for number, word in enumerate((b"one", b"two")):
            writer.write(wire % number)
            assert await reader.readuntil(word)
        writer.close()
        assert [exchange.request.body for exchange in recorder.exchanges] == [b"abc", b"abc"]
        assert [body_of(exchange) for exchange in recorder.exchanges] == [b"one", b"two"]
        assert [exchange.request.body for exchange in upstream.unscripted] == [b"abc", b"abc"]


async def test_a_client_that_hangs_up_takes_its_call_with_it() -> None:
    hold = Reply(200, STREAM, acts=(EVENTS[0], WaitForClient(9)))
    async with SimulatedUpstream(improvise=lambda _: hold) as upstream, Recorder(upstream.url) as recorder:
        await send(POST, recorder.url, leave=1)
        async with asyncio.timeout(PATIENCE):
            while not hung_up(recorder.exchanges[0]) or not hung_up(upstream.unscripted[0]):
                await asyncio.sleep(0.001)


def hung_up(exchange: Exchange) -> bool:
    failure = exchange.outcome.failure if isinstance(exchange.outcome, Response) else exchange.outcome
    return failure is not None and "hung up" in failure.message


async def test_what_was_recorded_can_be_forgotten() -> None:
    async with SimulatedUpstream(improvise=lambda _: Reply()) as upstream, Recorder(upstream.url) as recorder:
        await send(POST, recorder.url)
        recorder.forget()
        await send(POST, recorder.url)
        assert len(recorder.exchanges) == 1


async def test_a_port_that_is_taken_and_an_address_that_is_none_are_named() -> None:
    async with Recorder("http://127.0.0.1:1") as recorder:
        with pytest.raises(PortTaken):
            async with Recorder("http://127.0.0.1:1", port=int(recorder.url.rpartition(":")[2])):
                pass
        seen = await send(POST, recorder.url)
        assert isinstance(seen.outcome, Failure)
    with pytest.raises(BadInput, match="give an address"):
        Recorder("localhost:4000")
