from __future__ import annotations

import json
from dataclasses import replace

from harness.comparison.shadowed import Learnt, Seen
from harness.model import Chunk, Compared, Effects, Exchange, Headers, Json, Observation, Request, Response, Role

CALL_ID = "x-litellm-call-id"
FIRST, SECOND, THIRD = (
    "0b7e4a52-3a5e-4b5c-9d57-2f6a4f1c8e01",
    "5d1c9f3b-8e2a-4c7d-b6a1-9c0e7d2f4b35",
    "f2a6c8d0-1b3e-4f5a-8c7b-6d9e0f1a2b3c",
)


def seen_of(headers: Headers, body: Json, said: Json, role: Role = Role.CANDIDATE) -> Observation:
    request = Request("POST", "/v1/chat/completions", (), b'{"model":"m"}')
    answer = Response(200, headers, (Chunk(0.1, json.dumps(body).encode()),))
    upstream = Response(200, (), (Chunk(0.05, json.dumps(said).encode()),))
    call = Exchange(Request("POST", "/v1/up", (), b"{}"), upstream)
    return Observation("shadow/1", "sdk", role, (Exchange(request, answer),), (call,), Effects(calls=(1,)))


def compared(
    recorded: tuple[Headers, Json], once: tuple[Headers, Json], again: tuple[Headers, Json], said: Json = None
) -> Compared:
    seen = Seen(seen_of(*recorded, said, Role.BASELINE), seen_of(*once, said), seen_of(*again, said))
    (found,) = Learnt().compared({"shadow/1": seen})
    return found


def paths(found: Compared) -> list[str]:
    return [difference.path for difference in found.found]


def test_an_id_that_each_makes_up_is_the_same():
    found = compared((((CALL_ID, FIRST),), {}), (((CALL_ID, SECOND),), {}), (((CALL_ID, THIRD),), {}))
    assert (found.found, found.noise) == ((), ())


def test_an_id_of_the_provider_that_one_passes_on_and_the_other_makes_up_is_a_difference():
    """The other makes up a new one each time: learnt from it alone it would be any id."""
    found = compared(((), {"id": FIRST}), ((), {"id": SECOND}), ((), {"id": THIRD}), said={"id": FIRST})
    assert paths(found) == ["/client/0/response/body/id"]


def test_an_id_that_only_the_first_makes_up_is_a_difference():
    found = compared(((), {"id": FIRST}), ((), {"id": SECOND}), ((), {"id": SECOND}), said={"id": SECOND})
    assert paths(found) == ["/client/0/response/body/id"]


def test_a_word_or_a_status_is_never_learnt():
    found = compared(((), {"text": "yes"}), ((), {"text": "no"}), ((), {"text": "maybe"}))
    assert paths(found) == ["/client/0/response/body/text"] and found.noise


def test_the_gateways_own_clock_is_read_at_another_time():
    dates = [f"Mon, 23 Nov 2026 10:0{minute}:00 GMT" for minute in range(3)]
    one, other, third = ((("date", date),) for date in dates)
    assert compared((one, {}), (other, {}), (third, {}), said={"at": dates[0]}).found == ()


def test_a_number_that_was_the_same_twice_by_chance_is_known_from_another_call():
    def call(*milliseconds: float) -> Seen:
        recorded, once, again = ((("x-litellm-response-duration-ms", str(each)),) for each in milliseconds)
        return Seen(seen_of(recorded, {}, None, Role.BASELINE), seen_of(once, {}, None), seen_of(again, {}, None))

    learnt = Learnt()
    for name, seen in {"a": call(1.5, 20.25, 31.5), "b": call(1.5, 2.25, 2.25)}.items():
        assert [each.found for each in learnt.compared({name: seen})] == [()]


def test_the_id_of_a_deployment_is_of_its_world():
    one, other = ((("x-litellm-model-id", digit * 64),) for digit in ("a1", "b2"))
    assert compared((one, {}), (other, {}), (other, {})).found == ()


def test_what_nobody_saw_of_the_first_is_not_compared():
    recorded, seen = seen_of((), {}, None), seen_of((), {}, None)
    answer = seen.client[0].outcome
    assert isinstance(answer, Response)
    looked = replace(seen, client=(replace(seen.client[0], outcome=replace(answer, connection="kept")),))
    (found,) = Learnt().compared({"shadow/1": Seen(recorded, looked, looked)})
    assert found.found == ()


def test_what_the_provider_is_asked_is_compared():
    recorded, once, again = (seen_of((), {}, None) for _ in range(3))
    more = Exchange(Request("POST", "/v1/up", (("x-more", "1"),), b"{}"), once.upstream[0].outcome)
    once = Observation("shadow/1", "sdk", Role.CANDIDATE, once.client, (more,), once.effects)
    again = Observation("shadow/1", "sdk", Role.CANDIDATE, again.client, (more,), again.effects)
    (found,) = Learnt().compared({"shadow/1": Seen(recorded, once, again)})
    assert paths(found) == ["/upstream/0/request/headers/x-more"]


def test_a_call_that_could_not_be_played_is_a_problem():
    seen = seen_of((), {}, None)
    broken = Observation("shadow/1", "sdk", Role.CANDIDATE, (), (), Effects(), problem="it broke")
    (found,) = Learnt().compared({"shadow/1": Seen(seen, broken, seen)})
    assert found.problem == "it broke"
