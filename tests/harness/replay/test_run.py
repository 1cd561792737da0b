import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from time import monotonic

import pytest

from harness.model import (
    Chunk,
    Cut,
    Effects,
    Exchange,
    Failure,
    Observation,
    Reply,
    Request,
    Response,
    Role,
    Scenario,
    Send,
    Step,
    Wait,
    WaitForClient,
    header,
)
from harness.replay import room
from harness.replay.run import Site, replay, warm_up
from harness.replay.schedule import replay_all
from harness.replay.target import RunningTarget
from harness.upstream.app import SimulatedUpstream
from tests.harness.wire import one_step, passing_on, post, read_head, scenario, server
from tests.waiting import PATIENCE

SSE = (("content-type", "text/event-stream"),)
OK = Reply(200, (("content-type", "application/json"),), b'{"ok":1}')
PACED = Reply(200, SSE, acts=(Send(b"data: a\n\n"), WaitForClient(1), Send(b"data: b\n\n")))
KEY = "sk-parity-very-secret"


@asynccontextmanager
async def site(buffered: bool = False, patience: float = 0.2, settle: float = PATIENCE) -> AsyncIterator[Site]:
    """A gateway of bytes before an upstream."""
    async with (
        SimulatedUpstream(patience=patience, gap=0) as upstream,
        server(passing_on(upstream.url, buffered)) as url,
    ):
        yield Site(
            RunningTarget("gateway", url), upstream, KEY, Role.CANDIDATE, step_patience=PATIENCE, settle_patience=settle
        )


async def observe(played: Scenario, buffered: bool = False, patience: float = 0.2) -> Observation:
    async with site(buffered, patience) as place:
        return await asyncio.wait_for(replay(played, place), PATIENCE)


def response(outcome: Response | Failure) -> Response:
    assert isinstance(outcome, Response), outcome
    return outcome


async def test_both_faces_of_a_scenario_are_observed() -> None:
    observed = await observe(one_step(OK, request=post(b'{"a":1}')))
    assert (observed.scenario, observed.target, observed.role) == ("client/one", "gateway", Role.CANDIDATE)
    assert response(observed.client[0].outcome).body == b'{"ok":1}'
    assert observed.upstream[0].request.body == b'{"a":1}'
    assert observed.effects == Effects(calls=(1,))


async def test_a_redirect_to_the_target_is_told_from_one_to_another_port() -> None:
    async with site() as place:
        own = f"{place.target.url}/v1/messages"
        for said, seen in ((own, "http://<host>/v1/messages"), ("http://127.0.0.1:4/v1", "http://127.0.0.1:4/v1")):
            observed = await asyncio.wait_for(replay(one_step(Reply(307, (("location", said),))), place), 30)
            assert header(response(observed.client[0].outcome).headers, "location") == seen


async def test_a_gateway_that_streams_passes_a_wait_for_the_client() -> None:
    observed = await observe(one_step(PACED), patience=PATIENCE)
    assert [chunk.data for chunk in response(observed.client[0].outcome).chunks] == [b"data: a\n\n", b"data: b\n\n"]
    assert observed.effects.withheld == ()


async def test_a_gateway_that_buffers_does_not() -> None:
    observed = await observe(one_step(PACED), buffered=True)
    assert response(observed.client[0].outcome).body == b"data: a\n\ndata: b\n\n"
    assert observed.effects.withheld == ("step 0 call 0: event 1",)


async def test_steps_go_one_after_the_other() -> None:
    slow = Reply(200, (), b"1", before=(Wait(0.05),))
    observed = await observe(scenario(Step(post(b"{}"), (slow,)), Step(post(b"{}"), (Reply(200, (), b"2"),))))
    assert [response(exchange.outcome).body for exchange in observed.client] == [b"1", b"2"]
    assert [exchange.step for exchange in observed.upstream] == [0, 1]
    assert observed.client[0].at < observed.client[1].at


async def test_steps_that_are_sent_together_are_in_flight_together() -> None:
    """This gateway answers nobody before the second has come."""
    both = asyncio.Barrier(2)

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await both.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with SimulatedUpstream() as upstream, server(patient) as url:
        place = Site(RunningTarget("gateway", url), upstream, KEY, Role.BASELINE, step_patience=PATIENCE)
        observed = await replay(scenario(Step(post()), Step(post(), together=True)), place)
    assert [response(exchange.outcome).status for exchange in observed.client] == [200, 200]
    assert [exchange.step for exchange in observed.client] == [0, 1]


async def test_equal_requests_that_are_in_flight_together_get_their_replies_in_order() -> None:
    def answered(word: bytes) -> Step:
        return Step(post(b'{"a":1}'), (Reply(200, (), word, before=(Wait(0.01),)),), together=word != b"0")

    observed = await observe(scenario(*(answered(str(number).encode()) for number in range(8))))
    assert [response(each.outcome).body for each in observed.client] == [str(number).encode() for number in range(8)]


async def test_an_equal_of_a_request_that_never_reaches_the_upstream_is_sent_all_the_same() -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with SimulatedUpstream() as upstream, server(refuse) as url:
        place = Site(RunningTarget("gateway", url), upstream, KEY, Role.CANDIDATE)
        observed = await replay(scenario(Step(post(), (OK,)), Step(post(), (OK,), together=True)), place)
    assert [response(each.outcome).status for each in observed.client] == [403, 403]


async def test_calls_of_steps_that_are_in_flight_together_are_told_apart() -> None:
    def asking(word: str, together: bool) -> Step:
        body = json.dumps({"messages": [f"A question about {word}"]}).encode()
        return Step(post(body), (Reply(200, (), word.encode(), before=(Wait(0.05),)),), together=together)

    words = ["apples", "oranges", "pears"]
    observed = await observe(scenario(*(asking(word, word != "apples") for word in words)))
    assert [response(exchange.outcome).body.decode() for exchange in observed.client] == words
    assert observed.effects == Effects(calls=(1, 1, 1))


async def test_the_key_and_the_host_are_filled_in_on_the_way_out_and_hidden_on_the_way_back() -> None:
    headers = (("Authorization", "Bearer <key>"), ("Host", "<host>"), ("x-api-key", "<key>"))
    leaking = Reply(200, (("x-leak", KEY),), KEY.encode())
    async with site() as place:
        observed = await replay(one_step(leaking, request=Request("POST", "/", headers, b"{}")), place)
        sent = observed.upstream[0].request
        assert header(sent.headers, "host") == place.target.url.removeprefix("http://")
    assert header(sent.headers, "authorization") == "Bearer <key>"
    assert observed.client[0].request.headers == headers
    assert header(response(observed.client[0].outcome).headers, "x-leak") == "<key>"
    assert KEY not in repr(observed)


async def test_the_key_does_go_out() -> None:
    seen: list[Request] = []

    def remember(request: Request) -> Reply:
        seen.append(request)
        return OK

    async with site() as place:
        with place.upstream.improvising(remember):
            await replay(one_step(request=Request("GET", "/", (("x-api-key", "<key>"),))), place)
    assert header(seen[0].headers, "x-api-key") == KEY


async def test_a_secret_in_the_path_of_an_unexpected_call_is_hidden() -> None:
    async with site() as place:
        observed = await replay(one_step(request=Request("GET", f"/v1?key={KEY}")), place)
    assert observed.effects.unexpected == ("step 0: GET /v1?key=<key>",)


async def test_a_client_that_leaves_at_an_event_aborts_the_upstream_call() -> None:
    held = Reply(200, SSE, acts=(Send(b"data: a\n\n"), Wait(60)))
    observed = await observe(one_step(held, leave_after=1))
    assert response(observed.client[0].outcome).failure == Failure("left", "the client hung up")
    assert observed.effects.aborted == ("step 0 call 0",)


async def test_a_client_that_leaves_at_once_leaves_when_the_upstream_has_the_call() -> None:
    observed = await observe(one_step(Reply(200, before=(Wait(60),)), leave_after=0))
    assert observed.client[0].outcome == Failure("left", "the client hung up")
    assert observed.effects == Effects(calls=(1,), aborted=("step 0 call 0",))


async def test_a_call_that_runs_on_after_the_client_has_left_is_waited_for() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = int(upstream.url.rpartition(":")[2])
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        up_writer.write(await reader.readuntil(b"{}"))
        await up_reader.readuntil(b"done")
        up_writer.close()

    async with SimulatedUpstream() as upstream, server(deaf) as url:
        place = Site(RunningTarget("gateway", url), upstream, KEY, Role.BASELINE)
        observed = await replay(one_step(Reply(200, (), b"done", before=(Wait(0.1),)), leave_after=0), place)
    assert observed.effects.aborted == ()
    assert response(observed.upstream[0].outcome).body == b"done"


async def test_a_cut_reaches_the_client() -> None:
    observed = await observe(one_step(Reply(200, SSE, acts=(Send(b"data: a\n\n"), WaitForClient(1), Cut("fin")))))
    failure = response(observed.client[0].outcome).failure
    assert failure is not None
    assert failure.kind == "cut"
    assert response(observed.client[0].outcome).body == b"data: a\n\n"


async def test_unused_and_unexpected_are_noted() -> None:
    observed = await observe(scenario(Step(post(), (OK, OK)), Step(post())))
    assert observed.effects.unused == ("step 0 reply 1",)
    observed = await observe(scenario(Step(post(), (OK,)), Step(post())))
    assert observed.effects.unexpected == ("step 1: POST /v1/messages",)
    assert response(observed.client[1].outcome).status == 400


async def test_a_warm_up_asks_every_model_twice_and_is_not_part_of_any_scenario() -> None:
    async with site() as place:
        exchanges = await warm_up(place, {"/v1/messages": ["a", "b"], "/v1/chat/completions": ["c"]})
        observed = await replay(one_step(OK), place)
    assert [response(exchange.outcome).status for exchange in exchanges] == [200] * 6
    assert {json.loads(exchange.request.body)["model"] for exchange in exchanges} == {"a", "b", "c"}
    assert KEY not in repr(exchanges)
    assert observed.effects == Effects(calls=(1,))


# --- all of them ----------------------------------------------------------------------------------------------------


def numbered(count: int) -> list[Scenario]:
    def one(number: int) -> Scenario:
        body = json.dumps({"model": f"model-{number}", "messages": [f"Say {number}."]}).encode()
        return scenario(Step(post(body), (Reply(200, (), str(number).encode()),)), name=str(number))

    return [one(number) for number in range(count)]


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_every_scenario_gets_its_own_replies(concurrency: int) -> None:
    async with site() as place:
        observed = [each async for each in replay_all(numbered(12), place, seed=1, concurrency=concurrency)]
    answers = {each.scenario: response(each.client[0].outcome).body for each in observed}
    assert answers == {f"client/{number}": str(number).encode() for number in range(12)}
    assert {each.effects for each in observed} == {Effects(calls=(1,))}


async def test_the_order_is_the_seeds() -> None:
    async with site() as place:
        first = [each.scenario async for each in replay_all(numbered(6), place, seed=1)]
        again = [each.scenario async for each in replay_all(numbered(6), place, seed=1)]
        other = [each.scenario async for each in replay_all(numbered(6), place, seed=2)]
    assert first == again != other


def alike(count: int) -> list[Scenario]:
    """The same request, each time with another reply."""
    request = post(b'{"model":"a","prompt":"The same."}')
    replies = [Reply(200, (), str(number).encode(), before=(Wait(0.01),)) for number in range(count)]
    return [scenario(Step(request, (reply,)), name=str(number)) for number, reply in enumerate(replies)]


async def test_scenarios_that_say_the_same_never_meet() -> None:
    async with site() as place:
        observed = [each async for each in replay_all([*alike(12)], place, 1, 8)]
    answers = [(each.scenario, response(each.client[0].outcome).body) for each in observed]
    assert len(answers) == 12
    assert all(name == f"client/{body.decode()}" for name, body in answers)


def without_times(observation: Observation) -> Observation:
    def timeless(exchange: Exchange) -> Exchange:
        headers = tuple((name, value) for name, value in exchange.request.headers if name.lower() != "host")
        answer = response(exchange.outcome)
        body = (Chunk(0.0, answer.body),)
        request = replace(exchange.request, headers=headers)
        return replace(exchange, at=0.0, request=request, outcome=replace(answer, chunks=body))

    client, upstream = (tuple(map(timeless, each)) for each in (observation.client, observation.upstream))
    return replace(observation, client=client, upstream=upstream)


async def test_what_is_seen_of_a_scenario_is_the_same_alone_and_among_eight() -> None:
    scenarios = numbered(24)
    async with site() as place:
        alone = {each.scenario: without_times(each) async for each in replay_all(scenarios, place, seed=1)}
        among = {each.scenario: without_times(each) async for each in replay_all(scenarios, place, 2, 8)}
    assert alone == among


@asynccontextmanager
async def wordless() -> AsyncIterator[Site]:
    """A gateway that sends on no word of what it is asked."""

    async def dumb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", int(upstream.url.rpartition(":")[2]))
        up_writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.write(await up_reader.read())
        up_writer.close()

    async with SimulatedUpstream(gap=0) as upstream, server(dumb) as url:
        yield Site(RunningTarget("gateway", url), upstream, KEY, Role.CANDIDATE)


async def test_where_a_gateway_changes_the_words_everything_is_played_alone_in_the_end() -> None:
    """Nothing tells whose call it is; the replies would be mixed up if what was seen side by side did count."""
    async with wordless() as place:
        observed = [each async for each in replay_all(numbered(12), place, 1, 8)]
    answers = {each.scenario: response(each.client[0].outcome).body for each in observed}
    assert answers == {f"client/{number}": str(number).encode() for number in range(12)}


async def test_after_what_is_played_alone_models_rest_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next one on that model meets a gateway that has taken it out of service."""
    monkeypatch.setattr(room, "REST", 0.05)
    failing = [replace(each, steps=(replace(each.steps[0], replies=(Reply(404),)),)) for each in numbered(3)]
    async with wordless() as place:
        done = [(each.scenario, monotonic()) async for each in replay_all(failing, place, 1, 3)]
    (_, before), (last, _) = done[-2:]
    assert place.rested[last.replace("client/", "model-")] - 0.05 > before


async def test_closing_it_stops_what_is_being_played() -> None:
    quick, endless = numbered(1)[0], one_step(Reply(200, before=(Wait(600),)), request=post(b'{"model":"z"}'))
    async with site() as place:
        async with aclosing(replay_all([quick, endless], place, seed=1, concurrency=2)) as observed:
            assert (await anext(observed)).scenario == "client/0"
        fresh = await replay(one_step(OK), place)
    assert fresh.effects == Effects(calls=(1,))
