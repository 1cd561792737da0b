"""What is learnt from LiteLLM must not show: recorded calls are played to LiteLLM's own way, and to its lesson."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import Observation, Outcome, Reply, Role, Scenario, Step
from harness.replay.run import Site
from harness.replay.schedule import replay_all
from harness.replay.target import RunningTarget
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from harness.verdict.judge import judge
from sdk_proxy import learnt
from sdk_proxy.config_parser import parse
from sdk_proxy.gateway import _Begun
from sdk_proxy.learnt import KEYS, Begun, Lesson, Lessons, Page, Unlike, shapes_of
from sdk_proxy.litellm_proxy_sdk import assemble
from sdk_proxy.same_format import Plain, messages
from sdk_proxy.schema import load_config
from sdk_proxy.tap import Tap
from tests.harness.comparison.in_memory import compare_all
from tests.library import library
from tests.sdk_proxy.loopback import served
from tests.sdk_proxy.sdk import CONFIG, KEY, chat, client_of, environment, message
from tests.sdk_proxy.test_same_format import DONE, PLAIN_MESSAGES, UNUSUAL, UNUSUAL_MESSAGES, Pieces, sent, words
from tests.waiting import PATIENCE

SCENARIOS = Path(__file__).parents[2] / "scenarios"
Object = dict[str, Any]


@dataclass
class Taken:
    """How often a lesson was followed, and how often LiteLLM had to look at the answer."""

    ways: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    found, begun = Taken(), learnt.begun

    async def counting(*given: Any) -> Any:
        stream = await begun(*given)
        found.ways["learnt" if stream else "in hand"] += 1
        return stream

    monkeypatch.setattr(learnt, "begun", counting)
    return found


# --- every scenario --------------------------------------------------------------------------------------------------


def conversations(streams: bool) -> list[Scenario]:
    """Of real clients. (curl's are LiteLLM's oddities, two hundred of them.) The second play of one that sets a cookie
    would bring it along."""
    recorded = (each for each in library() if each.client != "curl" and not _sets_cookies(each))
    return [each for each in recorded if streams in map(_streams, each.steps)]


def _sets_cookies(scenario: Scenario) -> bool:
    replies = (reply for step in scenario.steps for reply in step.replies)
    return any(name.lower() == "set-cookie" for reply in replies for name, _ in reply.headers)


def _streams(step: Step) -> bool | None:
    """None: it asks for no words."""
    asks = step.request.path.partition("?")[0].endswith(("/messages", "/chat/completions"))
    return bool(json.loads(step.request.body).get("stream")) if asks and step.request.method == "POST" else None


@asynccontextmanager
async def stage() -> AsyncIterator[Site]:
    async with SimulatedUpstream(patience=PATIENCE) as upstream:
        variables = environment(upstream.url)
        app = assemble(parse(load_config(CONFIG, variables), variables))
        async with served(app) as port:
            yield Site(RunningTarget("sdk", f"http://127.0.0.1:{port}"), upstream, KEY, Role.BASELINE)


async def played(scenarios: list[Scenario], site: Site, role: Role) -> list[Observation]:
    place = Site(site.target, site.upstream, site.key, role)
    async with aclosing(replay_all(scenarios, place, seed=1, concurrency=8)) as observations:
        return [each async for each in observations]


@pytest.mark.parametrize(("streams", "lessons"), [(True, 40), (False, 60)])
async def test_no_scenario_can_tell_a_lesson_from_litellm(streams: bool, lessons: int, taken: Taken) -> None:
    """Its first two plays go LiteLLM's way, and what they agree on is the lesson for the third."""
    scenarios = conversations(streams)
    async with stage() as site:
        with site.upstream.improvising(autoplay()):  # LiteLLM's first answers differ from its later ones
            async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, timeout=PATIENCE) as client:
                for path, ask in (("chat/completions", chat), ("messages", message)):
                    await client.post(f"{site.target.url}/v1/{path}", json=ask("gpt-5", streams))
        seen = [*await played(scenarios, site, Role.BASELINE), *await played(scenarios, site, Role.AGAIN)]
        before = taken.ways["learnt"]
        seen += await played(scenarios, site, Role.CANDIDATE)
    by_id = {each.id: each for each in scenarios}
    verdicts = [judge(by_id[each.scenario], each, ()) for each in compare_all(seen)]
    wrong = {
        v.scenario: v.unexplained for v in verdicts if v.outcome in (Outcome.DIFFERENT, Outcome.NOISY) or v.problem
    }
    assert not wrong
    assert taken.ways["learnt"] - before >= lessons


# --- what is learnt --------------------------------------------------------------------------------------------------

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
MODELS = {CHAT: "gpt-4.1", MESSAGES: "claude-sonnet-4-5"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@asynccontextmanager
async def conversation(path: str, *answers: list[Any], **sections: Any) -> AsyncIterator[tuple[Any, SimulatedUpstream]]:
    """Gives what asks with messages, and the upstream, which gives `answers`, one after the other, then the last."""
    left = list(answers)
    content = (("content-type", "text/event-stream"),)

    def answering(_: Any) -> Reply:
        return Reply(200, content, acts=sent(left.pop(0) if len(left) > 1 else left[0]))

    upstream = SimulatedUpstream(improvise=answering, gap=0)
    async with upstream, client_of(upstream, **sections) as client:

        async def ask(*messages: Object, **more: Any) -> httpx.Response:
            body = {**message(MODELS[path], stream=True, **more), "messages": list(messages)}
            return await client.post(path, json=body)

        yield ask, upstream


def said(role: str, content: Any, **more: Any) -> Object:
    return {"role": role, "content": content, **more}


def without_length(header: tuple[str, str]) -> tuple[str, str]:
    return (header[0], "" if header[0].lower() == "content-length" else header[1])


def bodies(upstream: SimulatedUpstream) -> list[Object]:
    return [json.loads(each.request.body) for each in upstream.unscripted]


ANSWER = {CHAT: [*words("Hi"), DONE], MESSAGES: PLAIN_MESSAGES["a message"]}
BOTH = pytest.mark.parametrize("path", [CHAT, MESSAGES])


@BOTH
async def test_the_third_of_equal_calls_goes_as_the_first_two_went(path: str, taken: Taken) -> None:
    async with conversation(path, ANSWER[path]) as (ask, upstream):
        for word in ("first", "second", "three"):
            await ask(said("user", word))
    first, _, third = upstream.unscripted
    assert taken.ways == {"learnt": 1}
    assert [*map(without_length, first.request.headers)] == [*map(without_length, third.request.headers)]
    assert json.loads(third.request.body)["messages"] == [said("user", "three")]
    assert [*json.loads(first.request.body)] == [*json.loads(third.request.body)]


@BOTH
@pytest.mark.parametrize(
    "other",
    [
        [said("user", "")],
        [said("user", [{"type": "text", "text": "a"}])],
        [said("user", "a"), said("assistant", "b"), said("user", "c")],
        [said("user", "a"), said("user", "b")],
        [said("user", "a", name="n")],
    ],
)
async def test_messages_of_another_shape_go_litellm_s_way(path: str, other: list[Object], taken: Taken) -> None:
    async with conversation(path, ANSWER[path]) as (ask, _):
        await ask(said("user", "one"))
        await ask(said("user", "two"))
        await ask(*other)
    assert not taken.ways


@BOTH
async def test_another_value_of_any_key_is_another_page(path: str, taken: Taken) -> None:
    async with conversation(path, ANSWER[path]) as (ask, upstream):
        for temperature in (0.1, 0.1, 0.2):
            await ask(said("user", "one"), temperature=temperature)
    assert not taken.ways
    assert [each["temperature"] for each in bodies(upstream)] == [0.1, 0.1, 0.2]


@BOTH
async def test_what_a_hop_says_anew_with_each_call_goes_on_as_it_came(path: str, taken: Taken) -> None:
    content = (("content-type", "text/event-stream"),)
    upstream = SimulatedUpstream(improvise=lambda _: Reply(200, content, acts=sent(ANSWER[path])), gap=0)
    async with upstream, client_of(upstream) as client:
        for number in range(4):
            anew = {"x-request-id": f"id-{number}", "traceparent": f"00-{number}", "x-empty": ""}
            await client.post(path, json=message(MODELS[path], stream=True), headers=anew)
    told = [dict(each.request.headers) for each in upstream.unscripted]
    assert taken.ways == {"learnt": 2}
    assert [each["x-request-id"] for each in told] == ["id-0", "id-1", "id-2", "id-3"]
    assert [{**each, "x-request-id": ""} for each in told] == [{**told[0], "x-request-id": ""}] * 4


async def test_a_client_s_own_id_of_the_call_stays(taken: Taken) -> None:
    content = (("content-type", "text/event-stream"),)
    upstream = SimulatedUpstream(improvise=lambda _: Reply(200, content, acts=sent(ANSWER[CHAT])), gap=0)
    async with upstream, client_of(upstream) as client:
        for _ in range(3):
            answer = await client.post(CHAT, json=chat("gpt-4.1", True), headers={"x-litellm-call-id": "mine"})
            assert answer.headers["x-litellm-call-id"] == "mine"
    assert not taken.ways


def test_a_lesson_does_not_show_the_upstream_s_key() -> None:
    told = replace(lesson(1), headers=((b"authorization", b"Bearer secret"),))
    assert "secret" not in repr(told) + str(told) + repr(Page(b"", ["secret"], b"secret", frozenset()))


async def test_nulls_that_litellm_leaves_out_are_left_out(taken: Taken) -> None:
    asked = [said("user", "a"), said("assistant", None, tool_calls=[CALL]), said("tool", "b", tool_call_id="call_1")]
    async with conversation(CHAT, ANSWER[CHAT]) as (ask, upstream):
        for _ in range(3):
            await ask(*asked)
    assert taken.ways == {"learnt": 1}
    first, _, third = bodies(upstream)
    assert first == third and "content" not in third["messages"][1]


async def test_nothing_is_learnt_where_litellm_changes_a_message(taken: Taken) -> None:
    blocks = [{"type": "text", "text": ""}, {"type": "text", "text": "a"}]
    async with conversation(MESSAGES, ANSWER[MESSAGES]) as (ask, upstream):
        for _ in range(3):
            await ask(said("user", blocks))
    assert not taken.ways
    assert [each["messages"][0]["content"] for each in bodies(upstream)] == [blocks[1:]] * 3


async def test_a_model_of_another_protocol_is_not_looked_at_for_a_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learnt, "shapes_of", shapes := Mock(wraps=shapes_of))
    async with conversation(MESSAGES, ANSWER[MESSAGES]) as (_, upstream), client_of(upstream) as client:
        for model in ("claude-sonnet-4-5", "gemini-2.5-pro", "nobody-s", "gpt-4.1"):
            await client.post(CHAT, json=chat(model))
            assert shapes.called is (model == "gpt-4.1")


@BOTH
async def test_an_error_at_once_is_litellm_s_to_try_again(path: str, taken: Taken) -> None:
    wrong = {CHAT: UNUSUAL["an error at once"], MESSAGES: UNUSUAL_MESSAGES["an error at once"]}[path]
    answers = [ANSWER[path], ANSWER[path], wrong, ANSWER[path]]
    async with conversation(path, *answers, router_settings={"num_retries": 1}) as (ask, upstream):
        found = [await ask(said("user", word)) for word in ("one", "two", "three")]
    assert taken.ways == {"in hand": 1}
    assert len(upstream.unscripted) == (4 if path == MESSAGES else 3)  # a chat's stream has begun: LiteLLM says so
    assert (found[2].status_code == 200) is (path == MESSAGES)


async def test_a_refused_connection_is_litellm_s_to_tell_and_to_try_again(taken: Taken) -> None:
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream:
        closing = client_of(upstream, router_settings={"num_retries": 1})
        client = await closing.__aenter__()
        for _ in range(2):
            assert (await client.post(CHAT, json=chat("gpt-4.1", stream=True))).status_code == 200
    answer = await client.post(CHAT, json=chat("gpt-4.1", stream=True))
    await closing.__aexit__(None, None, None)
    assert taken.ways == {"in hand": 1}
    assert answer.status_code == 500 and "Connection error" in answer.text


async def test_a_client_that_left_before_the_first_event_ends_the_upstream_s_call() -> None:
    stream = Pieces([b"data: 1\n\n"], None)
    plain = Plain.of_messages(Tap(stream), "id", committed=True)
    begun = Begun(plain, httpx.Response(200), [])

    async def left() -> Object:
        return {"type": "http.disconnect"}

    async def sending(_: Any) -> None:
        raise AssertionError("nobody is there")

    answer = _Begun(messages(plain, None, plain.events), begun)
    with suppress(BaseException):
        await answer({"type": "http", "asgi": {"spec_version": "2.0"}}, left, sending)
    assert stream.closed


def shapes(messages: list[Any]) -> frozenset[Any]:
    return shapes_of(messages, KEYS["anthropic_messages"])


@given(st.recursive(st.text() | st.none() | st.integers() | st.booleans(), lambda inner: st.lists(inner, max_size=3)))
def test_a_shape_does_not_know_the_words(content: Any) -> None:
    assert shapes([said("user", content)]) == shapes([said("user", content)])
    assert shapes([said("user", "a"), said("user", "b")]) == shapes([said("user", "c"), said("user", "d")])


@pytest.mark.parametrize(
    "message",
    [
        "hi",
        said("user", [{"type": "image", "source": {}}]),
        said("tool", "a", tool_call_id="with a space"),
        said("assistant", [{"type": "tool_use", "id": "x" * 41, "name": "f", "input": {}}]),
    ],
)
def test_what_litellm_may_change_has_no_shape(message: Any) -> None:
    with pytest.raises(Unlike):
        shapes([message])


def test_only_so_many_bytes_are_kept_of_the_calls_that_came_last() -> None:
    lessons, large = Lessons(NO_MODELS), b"x" * (learnt._LESSON_BYTES - 10)
    fits = learnt._ALL_BYTES // len(large)
    for number in range(fits + 3):
        for _ in range(2):
            lessons.learn(page_of(number), replace(lesson(number), before=large))
    kept = [number for number in range(fits + 3) if b"%d" % number in lessons._known]
    assert kept == [*range(3, fits + 3)]
    assert lessons._size == sum(each.size for each in lessons._known.values()) <= learnt._ALL_BYTES


def test_a_lesson_that_is_too_large_is_not_kept_and_takes_no_other_away() -> None:
    lessons = Lessons(NO_MODELS)
    lessons.learn(page_of(1), lesson(1))
    lessons.learn(page_of(2), replace(lesson(2), before=b"x" * (learnt._LESSON_BYTES + 1)))
    assert [*lessons._known] == [b"1"]


def test_the_objects_of_a_whole_answer_s_form_count() -> None:
    small = replace(lesson(1), before=b'{"a":[1,1]}')
    assert replace(small, form=Mock()).size() > small.size() == len(small.before)


def test_what_is_known_of_a_deployment_can_be_forgotten() -> None:
    lessons = Lessons(NO_MODELS)
    for number in (1, 2):
        lessons.learn(page_of(number), lesson(number))
    lessons.forget("1")
    assert [*lessons._known] == [b"2"]


def page_of(number: int) -> Page:
    return Page(b"%d" % number, [], b"[]", frozenset({number}))


def test_who_disagrees_with_the_lesson_begins_another() -> None:
    lessons, page = Lessons(NO_MODELS), Page(b"page", [], b"[]", frozenset({1}))
    for number in (1, 2, 1):
        lessons.learn(page, lesson(number))
        assert lessons.of(page) is None


NO_MODELS = SimpleNamespace(model_name_to_deployment_indices={})
TRANSPORT = httpx.AsyncHTTPTransport()


def lesson(number: int) -> Lesson:
    return Lesson(
        httpx.AsyncHTTPTransport(),
        httpx.URL("http://a"),
        (),
        (),
        b"",
        b"",
        blanks=False,
        answer=(),
        form=None,
        deployment=str(number),
        commits=True,
        tells_usage=True,
    )


def test_an_empty_header_of_the_upstream_is_told_to_no_client() -> None:
    """As LiteLLM's get_custom_headers (proxy/common_request_processing.py, 1.106.2)."""
    theirs = httpx.Headers([("x-none", "None"), ("x-empty", ""), ("x-own", "a")])
    assert learnt._theirs(theirs) == [(b"llm_provider-x-own", b"a")]
