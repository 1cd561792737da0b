import asyncio
import math
from contextlib import asynccontextmanager

import pytest

from harness.event_stream import encode
from harness.model import Cut, Failure, Reply, Send, WaitForClient, header
from harness.replay.client import send
from harness.sabotage.hop import Hop
from harness.sabotage.mutation import (
    NOTHING,
    Closed,
    Mutation,
    added,
    asked,
    delayed,
    dropped,
    each,
    ending,
    pieces,
    request_headers,
    response_body,
    response_headers,
    without,
)
from harness.upstream.app import SimulatedUpstream
from tests.harness.wire import one_step, post
from tests.waiting import PATIENCE

JSON = Reply(200, (("Content-Type", "application/json"), ("X-One", "1")), b'{"a": 1}')
STREAM_HEADERS = (("content-type", "text/event-stream"),)
EVENTS = tuple(Send(encode(f"event {number}")) for number in range(4))


@asynccontextmanager
async def behind_a_hop(*replies, mutation=NOTHING, secrets=None, leave_after=None, **upstream):
    """Plays one step through a hop; gives the client's exchange, what the upstream saw, and the hop."""
    scenario = one_step(*replies, leave_after=leave_after)
    async with SimulatedUpstream(gap=0, **upstream) as provider, Hop(provider.url, secrets or {}) as hop:
        hop.mutation = mutation
        with provider.play(scenario) as play:
            play.begin(0)
            exchange = await send(
                post(), hop.url, on_event=lambda count: play.client_saw(0, count), leave=leave_after, patience=PATIENCE
            )
            yield exchange, play, hop


async def through(*replies, **options):
    async with behind_a_hop(*replies, **options) as (exchange, play, hop):
        await play.settle(PATIENCE)
        return exchange.outcome, play.exchanges(), hop


async def test_what_no_mutation_touches_passes_as_it_came():
    outcome, (call,), hop = await through(JSON)
    assert outcome.headers == (*JSON.headers, ("content-length", "8"))
    assert (outcome.status, outcome.body) == (200, b'{"a": 1}')
    assert ("Content-Type", "application/json") in call.request.headers
    assert not hop.bitten


async def test_the_path_of_the_other_side_goes_before_the_requests_own():
    scenario = one_step(JSON, request=post(path="/below/v1/messages"))
    async with SimulatedUpstream(gap=0) as provider, Hop(f"{provider.url}/below", {}) as hop:
        with provider.play(scenario) as play:
            play.begin(0)
            await send(post(), hop.url, patience=5)
            await play.settle(5)
    (call,) = play.exchanges()
    assert call.request.path == "/below/v1/messages"
    assert not hop.bitten


async def test_chunks_pass_as_they_were_cut_and_at_once():
    waiting = Reply(200, STREAM_HEADERS, acts=(EVENTS[0], WaitForClient(1), *EVENTS[1:]))
    async with behind_a_hop(waiting, patience=PATIENCE) as (exchange, play, hop):
        assert [chunk.data for chunk in exchange.outcome.chunks] == [event.data for event in EVENTS]
        assert play.effects().withheld == ()
        assert not hop.bitten


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_stream_that_is_cut_is_cut_for_the_client_too(how):
    outcome, _, hop = await through(Reply(200, STREAM_HEADERS, acts=(EVENTS[0], Cut(how))))
    assert outcome.failure is not None
    assert outcome.failure.kind == "cut"
    assert not hop.bitten


async def test_an_upstream_that_cuts_before_its_head_leaves_the_client_without_a_response():
    outcome, _, _ = await through(Reply(before=(Cut("fin"),)))
    assert isinstance(outcome, Failure)
    assert outcome.kind == "cut"


async def test_a_client_that_leaves_is_noticed_on_the_other_side():
    forever = Reply(200, STREAM_HEADERS, acts=(EVENTS[0], WaitForClient(99)))
    async with behind_a_hop(forever, leave_after=1, patience=PATIENCE) as (_, play, hop):
        await play.settle(PATIENCE)
        assert play.effects().aborted == ("step 0 call 0",)
        assert not hop.bitten


async def test_a_deaf_hop_reads_on_without_its_client():
    reply = Reply(200, STREAM_HEADERS, acts=(EVENTS[0], WaitForClient(2), *EVENTS[1:]))
    async with behind_a_hop(reply, leave_after=1, patience=0.2, mutation=Mutation(deaf=math.inf)) as (_, play, hop):
        await play.settle(PATIENCE)
        assert play.effects().aborted == ()
        assert hop.bitten


@pytest.mark.parametrize(
    "mutation",
    [
        response_headers(without("x-one")),
        response_body(lambda tree: {**tree, "a": 2}),
        request_headers(added("x-two", "2")),
        pieces(lambda piece: [piece, piece]),
        ending(b" "),
        Mutation(calls=2),
    ],
)
async def test_a_mutation_that_changes_anything_has_bitten(mutation):
    _, _, hop = await through(JSON, JSON, mutation=mutation)
    assert hop.bitten


async def test_a_mutation_that_finds_nothing_to_change_has_not_bitten():
    _, _, hop = await through(JSON, mutation=response_headers(without("x-two")))
    assert not hop.bitten


async def test_a_changed_body_has_its_right_length():
    outcome, _, _ = await through(JSON, mutation=response_body(lambda tree: {**tree, "more": "x" * 100}))
    assert outcome.failure is None
    assert b"xxx" in outcome.body


async def test_a_request_is_sent_as_often_as_the_mutation_says():
    _, calls, _ = await through(JSON, JSON, JSON, mutation=Mutation(calls=3))
    assert len(calls) == 3


async def test_a_mutation_can_close_the_connection_before_the_end():
    outcome, _, hop = await through(Reply(200, STREAM_HEADERS, acts=EVENTS), mutation=ending(Closed()))
    assert outcome.failure.kind == "cut"
    assert hop.bitten


async def test_events_can_be_dropped_and_held_back():
    async def last_first(numbered):
        for raw in reversed([raw async for _, raw in numbered]):
            yield raw

    stream = Reply(200, STREAM_HEADERS, acts=EVENTS)
    outcome, _, _ = await through(stream, mutation=dropped(lambda number, _: number == 1))
    assert outcome.body == b"".join(EVENTS[number].data for number in (0, 2, 3))
    outcome, _, hop = await through(stream, mutation=each(last_first))
    assert outcome.body == b"".join(event.data for event in reversed(EVENTS))
    assert hop.bitten


async def test_a_stream_that_comes_late_but_unchanged_has_bitten_too():
    async def buffered(numbered):
        for raw in [raw async for _, raw in numbered]:
            yield raw

    _, _, hop = await through(Reply(200, STREAM_HEADERS, acts=EVENTS), mutation=each(buffered))
    assert hop.bitten


async def test_a_mutation_can_leak_a_secret_that_it_does_not_know():
    leak = request_headers(added("authorization", "Bearer {key}"))
    _, (call,), _ = await through(JSON, mutation=leak, secrets={"key": "sk-1"})
    assert ("authorization", "Bearer sk-1") in call.request.headers


async def test_a_head_can_be_written_otherwise_and_a_connection_end_without_a_word():
    older = Mutation(head_line=lambda line: line.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    outcome, _, hop = await through(JSON, mutation=older)
    assert (outcome.connection, hop.bitten) == ("closed", True)
    outcome, _, hop = await through(JSON, mutation=Mutation(hangs_up=True))
    assert (outcome.connection, hop.bitten) == ("dropped", True)
    outcome, _, _ = await through(JSON)
    assert outcome.connection == "kept"


async def test_a_hop_can_wait_with_a_call_and_with_pieces_of_its_answer():
    _, (call,), hop = await through(JSON, mutation=Mutation(pause=0.3))
    assert call.at >= 0.3
    assert hop.bitten
    # The client has event 1 before the upstream says event 2: what lies between the two is the hop's alone.
    reply = Reply(200, STREAM_HEADERS, acts=(*EVENTS[:2], WaitForClient(2), *EVENTS[2:]))
    outcome, _, _ = await through(reply, patience=PATIENCE, mutation=delayed(0.3, lambda piece: b"event 2" in piece))
    assert outcome.chunks[2].at - outcome.chunks[1].at >= 0.3


async def test_the_body_of_a_call_can_be_written_otherwise():
    _, (call,), hop = await through(JSON, mutation=asked(rb"\{", b"{ "))
    assert call.request.body == post().body.replace(b"{", b"{ ")
    assert header(call.request.headers, "content-length") == str(len(call.request.body))
    assert hop.bitten


async def test_a_hop_that_is_deaf_for_a_while_ends_the_call_then():
    reply = Reply(200, STREAM_HEADERS, acts=(EVENTS[0], WaitForClient(9), *EVENTS[1:]))
    began = asyncio.get_running_loop().time()
    async with behind_a_hop(reply, leave_after=1, patience=PATIENCE, mutation=Mutation(deaf=0.3)) as (_, play, _hop):
        await play.settle(PATIENCE)
        assert asyncio.get_running_loop().time() - began >= 0.3
        assert play.effects().aborted == ("step 0 call 0",)
        assert play.effects().withheld == ()  # it ended before the upstream would have gone on by itself
