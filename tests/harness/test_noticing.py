"""The proof, on gateways of one screen: what is planted is caught, or said not to be."""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from harness import noticing
from harness.errors import BadInput, HarnessError
from harness.event_stream import encode
from harness.model import Reply, Request, Role, Scenario, Send, Step
from harness.noticing import Proof, proof_of, prove
from harness.replay.schedule import replay_all
from harness.sabotage.client_streams import FRAMING
from harness.sabotage.mutation import NOTHING, Mutation, added, dropped, request_headers, response_headers, without
from harness.sabotage.sabotage import Face, Sabotage
from harness.settings import read_settings
from harness.site import Credentials
from harness.traffic.scenario_file import read_all
from harness.verdict.senses import LATE_STREAMS
from tests.harness.test_journey import RECORDINGS, settings  # noqa: F401 - a fixture

STREAM = "curl/chat-stream"
LOST = Sabotage("lost", "headers", STREAM, mutation=response_headers(without("x-request-id")))
LEAKED = Sabotage("leaked", "secrets", STREAM, Face.UPSTREAM, request_headers(added("x-other", "{PROVIDER_KEY}")))
CUT = Sabotage("cut", "end of the stream", STREAM, mutation=dropped(lambda _, event: event.data == "[DONE]"))
TOOTHLESS = Sabotage("toothless", "headers", STREAM, mutation=NOTHING)


REPLY = Reply(200, (("content-type", "text/event-stream"),), acts=(Send(encode("a")), Send(encode("[DONE]"))))


def late_on(nth):
    """Of so many answers the last comes two seconds late."""
    numbers = count(1)

    async def body(source):
        seconds = 0.0 if next(numbers) % nth else 2.0
        async for piece in source:
            await asyncio.sleep(seconds)
            seconds = 0.0
            yield piece

    return Mutation(body=body)


def proof(file, *sabotages):
    scenarios = tuple(scenario for scenario in read_all(RECORDINGS) if scenario.id == STREAM)
    return Proof(read_settings(file, {}), sabotages, scenarios, (), 1, Credentials())


async def test_what_is_planted_is_caught_by_the_sense_that_is_meant_or_said_not_to_be(settings, tmp_path):  # noqa: F811
    told = []
    wrong_sense = Sabotage("misjudged", "status", STREAM, mutation=LOST.mutation)
    planted = await prove(proof(settings(), LOST, LEAKED, CUT, TOOTHLESS, wrong_sense), tmp_path / "logs", told.append)
    assert told == [*planted]
    assert [(one.name, one.bitten, one.caught) for one in planted] == [
        ("lost", True, True),
        ("leaked", True, True),
        ("cut", True, True),
        ("toothless", False, False),
        ("misjudged", True, False),
    ]
    assert planted[0].where == "/client/0/response/headers/x-request-id"
    assert planted[-1].by == ("headers",)


async def test_a_candidate_that_is_late_now_and_then_is_judged_over_many_streams(settings, tmp_path):  # noqa: F811
    stream = Step(Request("POST", "/v1/chat/completions", (("Content-Type", "application/json"),), b"{}"), (REPLY,))
    steps = tuple(replace(stream, request=replace(stream.request, body=b'{"n":%d}' % n)) for n in range(12))
    many = Scenario("curl/many", "curl", "Many streams", "scripted", (), steps)
    late = [
        Sabotage(name, LATE_STREAMS, "curl/many", mutation=how)
        for name, how in ((str(n), late_on(n)) for n in (10, 40))
    ]
    one = Proof(read_settings(settings(), {}), tuple(late), (many,), (), 1, Credentials())
    often, seldom = await prove(one, tmp_path / "logs", lambda _: None)
    assert (often.bitten, often.caught, often.where.partition(" streams")[0]) == (True, True, "6 of 60")
    assert (seldom.bitten, seldom.caught) == (True, False)


async def test_a_candidate_that_differs_already_proves_nothing(settings, tmp_path):  # noqa: F811
    with pytest.raises(HarnessError, match="different while nothing is planted: /client/0/response/headers"):
        await prove(proof(settings("header-lost"), LOST), tmp_path / "logs", print)


def test_a_sabotage_without_its_scenario_is_named(settings):  # noqa: F811
    with pytest.raises(BadInput, match="needs the scenario"):
        proof_of(read_settings(settings(), {}), read_all(RECORDINGS), FRAMING[0].name, 1)


def test_a_text_that_no_name_contains_is_named(settings):  # noqa: F811
    with pytest.raises(BadInput, match="no sabotage's name contains 'xyz'"):
        proof_of(read_settings(settings(), {}), read_all(RECORDINGS), "xyz", 1)


async def test_the_baselines_are_observed_in_orders_of_their_own(settings, tmp_path, monkeypatch):  # noqa: F811
    played = {}

    def playing(scenarios, site, seed, concurrency):
        played[site.role] = seed
        return replay_all(scenarios, site, seed, concurrency)

    monkeypatch.setattr(noticing, "replay_all", playing)
    await prove(proof(settings(), LOST), tmp_path / "logs", lambda _: None)
    assert played[Role.BASELINE] == played[Role.CANDIDATE] != played[Role.AGAIN]
