import json
from dataclasses import replace

import pytest

from harness.comparison.run import Reference, compare_attempts
from harness.comparison.tree import tree
from harness.comparison.volatile import learn
from harness.event_stream import encode
from harness.model import Chunk, Effects, Exchange, Kind, Observation, Request, Response, Role
from tests.harness.comparison.in_memory import compare_all

SEEDS = {Role.BASELINE: 11, Role.AGAIN: 22, Role.CANDIDATE: 33}


def observed(role, scenario="claude-code/plain", *, lost="", beta="a,b", ids=(), withheld=(), problem=None):
    """A streamed chat through a gateway that makes up a call id, a completion id, a duration and a date of its own."""
    seed = SEEDS[role]
    headers = {
        "content-type": "text/event-stream",
        "date": f"Mon, 23 Nov 2026 01:39:{seed} GMT",
        "x-litellm-call-id": f"0f5c{seed}aa-ceea",
        "x-litellm-model-api-base": f"http://127.0.0.1:400{seed}/anthropic",
        "x-litellm-response-duration-ms": f"{seed / 7}",
    }
    kept = tuple((name, value) for name, value in headers.items() if name != lost)
    chunks = [
        {"id": f"chatcmpl-{seed}beef{extra}", "created": 1795397000 + seed, "choices": [{"index": 0, "delta": delta}]}
        for extra, delta in zip(
            ids or ("", "", ""), ({"role": "assistant"}, {"content": "a"}, {"content": "b"}), strict=True
        )
    ]
    body = b"".join(encode(json.dumps(chunk)) for chunk in chunks) + encode("[DONE]")
    up = Request("POST", "/v1/messages", (("Host", f"127.0.0.1:400{seed}"), ("anthropic-beta", beta)), b"{}")
    client = Exchange(Request("POST", "/v1/chat/completions"), Response(200, kept, (Chunk(0.1, body),)))
    effects = Effects(calls=(1,), withheld=withheld)
    return Observation(scenario, "t", role, (client,), (Exchange(up, Response(200)),), effects, problem)


def compared(**broken):
    """The candidate is broken on purpose."""
    (found,) = compare_all([observed(Role.BASELINE), observed(Role.AGAIN), observed(Role.CANDIDATE, **broken)])
    assert found.noise == ()
    return [(difference.path, difference.kind) for difference in found.found]


def test_a_gateway_with_ids_dates_ports_and_durations_of_its_own_is_the_same():
    assert compared() == []


@pytest.mark.parametrize(
    ("broken", "path", "kind"),
    [
        ({"lost": "x-litellm-call-id"}, "/client/0/response/headers/x-litellm-call-id", Kind.MISSING),
        ({"lost": "date"}, "/client/0/response/headers/date", Kind.MISSING),
        ({"beta": "a"}, "/upstream/0/request/headers/anthropic-beta", Kind.CHANGED),
        ({"beta": "b,a"}, "/upstream/0/request/headers/anthropic-beta", Kind.CHANGED),
        ({"withheld": ("step 0 call 0: event 1",)}, "/effects/withheld/0", Kind.EXTRA),
        ({"ids": ("", "", "x")}, "/client/0/response/stream/events/2/data/id", Kind.CHANGED),
    ],
)
def test_a_candidate_that_is_broken_is_caught_at_the_place(broken, path, kind):
    assert (path, kind) in compared(**broken)


def test_a_baseline_that_differs_from_itself_in_more_than_volatile_values_is_noise():
    seen = [observed(Role.BASELINE), observed(Role.AGAIN, lost="date"), observed(Role.CANDIDATE)]
    (found,) = compare_all(seen)
    assert [difference.path for difference in found.noise] == ["/client/0/response/headers/date"]


def test_musts_are_read_from_trees_in_which_nothing_is_renamed():
    (found,) = compare_all([observed(role) for role in Role])
    response = found.trees[Role.CANDIDATE]["client"]["0"]["response"]
    assert response["headers"]["date"] == "Mon, 23 Nov 2026 01:39:33 GMT"


def test_a_scenario_that_could_not_be_played_has_a_problem_and_the_others_are_compared():
    seen = [observed(role, "a/one", problem="the target died" if role is Role.CANDIDATE else None) for role in Role]
    seen += [observed(role, "a/two") for role in Role] + [observed(Role.BASELINE, "a/three")]
    one, two, three = compare_all(seen)
    assert (one.scenario, one.problem) == ("a/one", "candidate: the target died")
    assert two.problem is None
    assert three.problem == "baseline again: was not observed; candidate: was not observed"


def changed(observation, **response):
    """The observation with another answer to its client."""
    (exchange,) = observation.client
    return replace(observation, client=(replace(exchange, outcome=replace(exchange.outcome, **response)),))


def test_headers_in_another_order_are_a_difference_of_order():
    candidate = observed(Role.CANDIDATE)
    headers = candidate.client[0].outcome.headers
    (found,) = compare_all([observed(Role.BASELINE), observed(Role.AGAIN), changed(candidate, headers=headers[::-1])])
    assert [(each.path, each.kind) for each in found.found] == [("/client/0/response/headers", Kind.ORDER)]


def test_an_event_that_is_cut_by_a_chunks_end_is_a_difference():
    candidate = observed(Role.CANDIDATE)
    body = candidate.client[0].outcome.body
    chunks = (Chunk(0.1, body[:20]), Chunk(0.1, body[20:]))
    (found,) = compare_all([observed(Role.BASELINE), observed(Role.AGAIN), changed(candidate, chunks=chunks)])
    assert [each.path for each in found.found] == ["/client/0/response/stream/torn/0"]


def test_a_cookie_that_strays_is_a_difference_though_another_scenario_set_it():
    setting = [replace(observed(role, "a/sets"), upstream=(call("one:1", sets="c=1"),)) for role in Role]
    sending = [
        replace(observed(role, "a/sends"), upstream=(call("two:1", sends="c=1" if role is Role.CANDIDATE else ""),))
        for role in Role
    ]
    _, found = compare_all([*setting, *sending])
    cookies = next(each for each in found.found if each.path == "/effects/cookies")
    assert (cookies.baseline, cookies.candidate) == ([], ["step 0: c=1 to two"])


def call(host, sets="", sends=""):
    request = Request("POST", "/v1/messages", (("Host", host), ("Cookie", sends)), b"{}")
    return Exchange(request, Response(200, (("Set-Cookie", sets),)))


def test_what_was_replayed_is_compared_with_everything_that_the_baseline_showed():
    def attempt(number, **candidate):
        roles = {Role.BASELINE: {}, Role.AGAIN: {}, Role.CANDIDATE: candidate}
        return [replace(observed(role, **broken), attempt=number) for role, broken in roles.items()]

    found = list(compare_all([*attempt(0), *attempt(1, lost="date")]))
    assert [pair.attempt for pair in found] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [len(pair.found) for pair in found] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_replay_that_was_interrupted_does_not_count():
    whole = [observed(role) for role in Role]
    assert len(list(compare_all([*whole, replace(observed(Role.BASELINE), attempt=1)]))) == 1


def _late(attempt, *roles, seconds=3.0):
    """The attempt in which these, or the candidate alone, held up what they had to pass on."""
    return [_held_up(one, seconds) if one.role in (roles or (Role.CANDIDATE,)) else one for one in attempt]


def _held_up(seen, seconds):
    exchange = seen.client[0]
    chunks = tuple(replace(chunk, at=chunk.at + seconds) for chunk in exchange.outcome.chunks)
    return replace(seen, client=(replace(exchange, outcome=replace(exchange.outcome, chunks=chunks)),))


def _attempt(number):
    return [replace(observed(role), attempt=number) for role in Role]


def test_a_lag_counts_once_it_was_seen_again():
    once = [*compare_all(_late(_attempt(0)))]
    assert [one.found for one in once] == [()]
    again = [*compare_all([*_late(_attempt(0)), *_late(_attempt(1))])]
    assert {found.path for one in again for found in one.found} == {"/client/0/response/late"}
    chance = [*compare_all([*_late(_attempt(0)), *_attempt(1)])]
    assert [one.found for one in chance] == [()] * len(chance)


def test_a_lag_that_was_seen_once_is_worth_another_look():
    attempts = {0: {one.role: one for one in _late(_attempt(0))}}
    reference = Reference.of({"a": attempts[0]})
    (found,) = compare_attempts(reference, "a", attempts, doubtful=True)
    assert [each.path for each in found.found] == ["/client/0/response/late"]


@pytest.mark.parametrize("stopped", [Role.BASELINE, Role.AGAIN])
def test_a_machine_that_stood_still_for_one_observation_of_the_baseline_hides_no_lag(stopped):
    first = _late(_attempt(0), Role.CANDIDATE, stopped)
    attempts = {0: {one.role: one for one in first}}
    (found,) = compare_attempts(Reference.of({"a": attempts[0]}), "a", attempts, doubtful=True)
    assert [each.path for each in found.found] == ["/client/0/response/late"]
    again = [*compare_all([*first, *_late(_attempt(1))])]
    assert {found.path for one in again for found in one.found} == {"/client/0/response/late"}


def test_a_lag_that_half_of_the_baselines_observations_have_too_is_the_machines():
    stood_still = [*_late(_attempt(0)), *_late(_attempt(1), *Role)]
    assert [one.found for one in compare_all(stood_still)] == [()] * 8


PING = b'event: ping\ndata: {"type": "ping"}\n\n'
HEAD, REST = (
    b"".join(b'event: %s\ndata: {"type": "%s", "index": 0}\n\n' % (name, name) for name in names)
    for names in ((b"message_start", b"content_block_start"), (b"content_block_stop", b"message_stop"))
)


def _streamed(number, *bodies):
    """An attempt in which each of the three was answered with these events."""
    return [replace(_answered(role, body), attempt=number) for role, body in zip(Role, bodies, strict=True)]


def _answered(role, body):
    seen = observed(role)
    response = replace(
        seen.client[0].outcome, headers=(("content-type", "text/event-stream"),), chunks=(Chunk(0.5, body),)
    )
    request = replace(seen.client[0].request, path="/v1/messages")
    return replace(seen, client=(replace(seen.client[0], request=request, outcome=response),))


FIRST, LAST = PING + HEAD + REST, HEAD + PING + REST


def _paths(attempts):
    return {found.path for one in compare_all(attempts) for found in one.found}


def test_another_place_of_a_ping_counts_unless_it_was_not_seen_again():
    moved = {f"/client/0/response/stream/events/{place}" for place in (0, 2)}
    assert _paths(_streamed(0, FIRST, FIRST, LAST)) == moved  # nobody looked again
    assert _paths([*_streamed(0, FIRST, FIRST, LAST), *_streamed(1, FIRST, FIRST, LAST)]) == moved
    assert _paths([*_streamed(0, FIRST, FIRST, LAST), *_streamed(1, FIRST, FIRST, FIRST)]) == set()


def _paced(number, *pauses):
    """An attempt in which the upstream said eight pieces, and each of the three passed them on with such pauses."""
    return [replace(_in_pace(role, pause), attempt=number) for role, pause in zip(Role, pauses, strict=True)]


def _in_pace(role, pause):
    seen, pieces = observed(role), [b"data: {}\n\n"] * 8
    said = tuple(Chunk(float(number), piece) for number, piece in enumerate(pieces))
    came = tuple(Chunk(pause + number * (1 - pause / 10), piece) for number, piece in enumerate(pieces))
    exchanges = (
        (replace(each, outcome=replace(each.outcome, chunks=chunks)),)
        for each, chunks in ((seen.client[0], came), (seen.upstream[0], said))
    )
    client, upstream = exchanges
    return replace(seen, client=client, upstream=upstream)


def test_bursts_count_unless_they_were_not_seen_again():
    steady, held = 0.5, 9.9
    bursts = {"/client/0/response/stream/bursts"}
    assert _paths(_paced(0, steady, steady, held)) >= bursts
    assert _paths([*_paced(0, steady, steady, held), *_paced(1, steady, steady, held)]) >= bursts
    assert not _paths([*_paced(0, steady, steady, held), *_paced(1, steady, steady, steady)]) & bursts


def test_a_ping_that_is_lost_is_no_chance():
    lost = [*_streamed(0, FIRST, FIRST, HEAD + REST), *_streamed(1, FIRST, FIRST, FIRST)]
    assert "/client/0/response/stream/events/0" in _paths(lost)


def test_what_is_learnt_is_the_same_without_the_bodies_that_are_the_same():
    one, other = observed(Role.BASELINE), observed(Role.AGAIN)
    whole = learn([("a", tree(one), tree(other))])
    assert Reference.of({"a": {Role.BASELINE: one, Role.AGAIN: other}}).volatile == whole
    same = replace(other, client=(replace(other.client[0], outcome=one.client[0].outcome),))
    assert Reference.of({"a": {Role.BASELINE: one, Role.AGAIN: same}}).volatile == learn([("a", tree(one), tree(same))])
