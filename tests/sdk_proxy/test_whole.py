"""A whole answer that is told without LiteLLM must be LiteLLM's own: each is given both ways, and all is compared."""

import asyncio
import gc
import gzip
import json
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from types import FunctionType, ModuleType
from typing import Any

import httpx
import litellm
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model import Act, Cut, Failure, Reply, Send, Wait
from harness.model import Response as HeardResponse
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from sdk_proxy import learnt
from sdk_proxy.learnt import Lesson, Lessons
from sdk_proxy.schema import load_config
from tests.sdk_proxy.sdk import CONFIG, KEY, UNTIL_READ, chat, client_of, environment, message
from tests.sdk_proxy.test_gateway import calls
from tests.waiting import FOREVER, PATIENCE

Object = dict[str, Any]
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
BODIES = {CHAT: chat("gpt-4.1"), MESSAGES: message("claude-sonnet-4-5")}
BOTH = pytest.mark.parametrize("path", [CHAT, MESSAGES])
ITS_OWN_WAY = {"x-litellm-call-id": "mine"}  # a call that has a word for LiteLLM is LiteLLM's
ANEW = frozenset(
    {"date", "x-request-id", "x-litellm-call-id", "x-litellm-response-duration-ms", "x-litellm-overhead-duration-ms"}
)
USAGE: Object = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0, "accepted_prediction_tokens": 0},
}
CALL: Object = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"a": "Zürich"}'}}


def choice(text: Any = "Hé", end: Any = "stop", index: int = 0, **more: Any) -> Object:
    said = {"role": "assistant", "content": text, "refusal": None, "annotations": [], **more}
    return {"index": index, "message": said, "logprobs": None, "finish_reason": end}


def completion(*choices: Object, **more: Any) -> Object:
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "gpt-4.1-2025-04-14"}
    return {**head, "choices": [*choices] or [choice()], "usage": USAGE, "service_tier": "default", **more}


def answer(*content: Object, end: Any = "end_turn", **more: Any) -> Object:
    head = {"model": "claude-sonnet-4-5-20250929", "id": "msg_1", "type": "message", "role": "assistant"}
    usage = {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 34}
    blocks = [*content] or [{"type": "text", "text": "Hé"}]
    return {**head, "content": blocks, "stop_reason": end, "stop_sequence": None, "usage": usage, **more}


def without(name: str, tree: Object) -> Object:
    return {key: value for key, value in tree.items() if key != name}


def reply(tree: Any, status: int = 200, content: str = "application/json", headers: Any = ()) -> Reply:
    body = tree if isinstance(tree, bytes) else json.dumps(tree, ensure_ascii=False).encode()
    return Reply(status, (("content-type", content), ("x-request-id", "req_1"), *headers), body)


def zipped(tree: Object) -> Reply:
    return reply(gzip.compress(json.dumps(tree).encode()), headers=[("content-encoding", "gzip")])


def pieces(*acts: Act) -> Reply:
    return Reply(200, (("content-type", "application/json"),), acts=acts)


RATES = [("x-ratelimit-limit-tokens", "9"), ("x-ratelimit-remaining-tokens", "8"), ("x-litellm-spoof", "1")]
LOGPROBS = {"content": [{"token": "a", "logprob": -0.25, "bytes": [97], "top_logprobs": []}], "refusal": None}
CITED = {"type": "url_citation", "url_citation": {"url": "a", "title": "b", "start_index": 0, "end_index": 1}}
USUAL: dict[str, dict[str, Reply]] = {
    CHAT: {
        "words": reply(completion()),
        "a comma behind the type": reply(completion(), content="application/json; charset=utf-8"),
        "zipped": zipped(completion()),
        "in pieces": pieces(Send(json.dumps(completion()).encode()[:40]), Send(json.dumps(completion()).encode()[40:])),
        "the upstream's limits": reply(completion(), headers=RATES),
        "cookies": reply(completion(), headers=[("set-cookie", "a=b")]),
        "a tool": reply(completion(choice(None, "tool_calls", tool_calls=[CALL]))),
        "two tools": reply(completion(choice("Hi", "tool_calls", tool_calls=[CALL, {**CALL, "id": "call_2"}]))),
        "a tool, and a plain end": reply(completion(choice(None, "stop", tool_calls=[CALL]))),
        "a custom tool": reply(
            completion(
                choice(
                    None,
                    "tool_calls",
                    tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}],
                )
            )
        ),
        "no words": reply(completion(choice(None))),
        "empty words": reply(completion(choice(""))),
        "a refusal": reply(completion(choice(None, refusal="No"))),
        "the limit": reply(completion(choice("cut", "length"))),
        "two choices": reply(completion(choice(), choice("other", "length", 1))),
        "a choice out of its place": reply(completion(choice(index=7))),
        "logprobs": reply(completion({**choice(), "logprobs": LOGPROBS})),
        "citations": reply(completion(choice(annotations=[CITED]))),
        "reasoning": reply(completion(choice(reasoning_content="hm", reasoning="hm"))),
        "reasoning within": reply(completion(choice("<think>hm</think>Hi"))),
        "nulls": reply(completion(choice(tool_calls=None, function_call=None, audio=None), system_fingerprint=None)),
        "a fingerprint": reply(completion(system_fingerprint="fp_1")),
        "another model": reply(completion(model="gpt-4.1-mini-2025-04-14")),
        "no model": reply(without("model", completion())),
        "a dear tier": reply(completion(service_tier="priority")),
        "a cheap tier": reply(completion(service_tier="flex")),
        "a message without a role": reply(completion(choice(role=None))),
        "keys that nobody knows": reply({**completion({**choice(x=[{"y": 1.5}]), "z": {}}), "w": {"v": [None]}}),
        "a long number": reply(completion(x=10**30, y=1e22, z=1.0)),
        "a key that is there twice": reply(json.dumps(completion())[:-1].encode() + b', "service_tier": "flex"}'),
        "half a character": reply(json.dumps(completion(choice("\ud83d"))).encode()),
        "all kinds of characters": reply(completion(choice('\U0001f600 "\\ \n\x7f\u2028\x00'))),
        "many tokens": reply(completion(usage={**USAGE, "prompt_tokens": 300_000, "total_tokens": 300_010})),
        "few words on the usage": reply(completion(usage={"prompt_tokens": 1, "completion_tokens": 2})),
        "no tokens": reply(completion(usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})),
        "an empty error": reply(completion(error=None)),
    },
    MESSAGES: {
        "words": reply(answer()),
        "zipped": zipped(answer()),
        "in pieces": pieces(Send(json.dumps(answer()).encode()[:40]), Send(json.dumps(answer()).encode()[40:])),
        "the upstream's limits": reply(answer(), headers=RATES),
        "a tool": reply(answer({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}, end="tool_use")),
        "thinking": reply(
            answer({"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Hi"})
        ),
        "nothing": reply({**answer(), "content": []}),
        "the limit": reply(answer(end="max_tokens")),
        "a stop sequence": reply(answer(end="stop_sequence", stop_sequence="END")),
        "another model": reply(answer(model="claude-haiku-4-5-20251001")),
        "no model": reply(without("model", answer())),
        "a written cache": reply(
            answer(
                usage={
                    "input_tokens": 3,
                    "output_tokens": 4,
                    "cache_read_input_tokens": 1000,
                    "cache_creation_input_tokens": 50,
                    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
                    "service_tier": "standard",
                }
            )
        ),
        "a search": reply(
            answer(usage={"input_tokens": 3, "output_tokens": 4, "server_tool_use": {"web_search_requests": 2}})
        ),
        "a dear tier": reply(answer(usage={"input_tokens": 3, "output_tokens": 4, "service_tier": "priority"})),
        "keys that nobody knows": reply(answer(x={"y": [None, 1.0, 1e22, 10**30]})),
        "half a character": reply(json.dumps(answer({"type": "text", "text": "\ud83d"})).encode()),
        "all kinds of characters": reply(answer({"type": "text", "text": '\U0001f600 "\\ \n\x7f\u2028\x00'})),
        "an empty error": reply(answer(error=None)),
    },
}
WRONG_JSON = b'{"type": "message", "object": "chat.completion", "usage": {}, "x": '
UNUSUAL_ANYWHERE = {
    "an error with 200": reply({"error": {"message": "boom", "type": "server_error", "code": "oops"}}),
    "a wrong request": reply({"error": {"message": "no", "type": "invalid_request_error"}}, 400),
    "no right": reply({"error": {"message": "no", "type": "authentication_error"}}, 401),
    "too many": reply({"error": {"message": "slow", "type": "rate_limit_error"}}, 429, headers=[("retry-after", "0")]),
    "a broken upstream": reply({"error": {"message": "boom", "type": "api_error"}}, 500),
    "not json": reply(WRONG_JSON),
    "a list": reply([1]),
    "nothing": reply(b""),
    "another zip than it says": reply(b"no zip", headers=[("content-encoding", "gzip")]),
    "cut": pieces(Send(WRONG_JSON), *UNTIL_READ, Cut("rst")),
}
UNUSUAL: dict[str, dict[str, Reply]] = {
    CHAT: {
        **UNUSUAL_ANYWHERE,
        "an error beside": reply(completion(error={"message": "boom", "code": 500})),
        "a comment": reply(completion(choice("Hi", "content_filter"))),
        "a function": reply(completion(choice(None, "function_call", function_call={"name": "f", "arguments": "{}"}))),
        "no end": reply(completion(choice(end=None))),
        "no choices": reply({**completion(), "choices": []}),
        "choices that are none": reply({**completion(), "choices": {}}),
        "a choice that is none": reply({**completion(), "choices": [1]}),
        "a choice without a message": reply(completion({"index": 0, "finish_reason": "stop"})),
        "no usage": reply(without("usage", completion())),
        "an empty usage": reply(completion(usage=None)),
        "another object": reply(completion(object="chat.completion.chunk")),
        "no number": reply(completion(x=float("nan"))),
        "plain text": reply(completion(), content="text/plain"),
        "another json": reply(completion(), content="application/problem+json"),
        "a stream": reply(b"data: [DONE]\n\n", content="text/event-stream"),
    },
    MESSAGES: {
        **UNUSUAL_ANYWHERE,
        "overloaded": reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529),
        "an error's envelope with 200": reply({"type": "error", "error": {"type": "api_error", "message": "boom"}}),
        "a refusal": reply(answer(end="refusal")),
        "a pause": reply(answer(end="pause_turn")),
        "no end": reply(answer(end=None)),
        "no usage": reply(without("usage", answer())),
        "no number": reply(answer(x=float("nan"))),
        "LiteLLM's own key": reply(answer(_hidden_params={"response_cost": 1})),
        "plain text": reply(answer(), content="text/plain"),
        "a stream": reply(b"event: ping\n\n", content="text/event-stream"),
    },
}


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a lesson was followed, and how often LiteLLM had to look at the answer."""
    found: Counter[str] = Counter()
    begun = learnt.begun

    async def counting(*given: Any) -> Any:
        told = await begun(*given)
        found["learnt" if told else "in hand"] += 1
        return told

    monkeypatch.setattr(learnt, "begun", counting)
    return found


class Ways:
    """A proxy that has learnt a call with words only; `fast` and `slow` ask it, and tell all that is to be seen."""

    def __init__(self, path: str, client: httpx.AsyncClient, upstream: SimulatedUpstream, current: list[Reply]) -> None:
        self._path, self._client, self._upstream, self._current = path, client, upstream, current

    async def fast(self, answer: Reply) -> Any:
        return await self._asked(answer, {})

    async def slow(self, answer: Reply) -> Any:
        return await self._asked(answer, ITS_OWN_WAY)

    async def _asked(self, answer: Reply, headers: dict[str, str]) -> Any:
        self._current[:] = [answer]
        before = len(self._upstream.unscripted)
        told = await self._client.post(self._path, json=BODIES[self._path], headers=headers)
        shown = [(name, "" if name in ANEW else value) for name, value in told.headers.multi_items()]
        return told.status_code, shown, told.content, len(self._upstream.unscripted) - before


@asynccontextmanager
async def ways_of(path: str, **router_settings: Any) -> AsyncIterator[Ways]:
    current: list[Reply] = []
    upstream = SimulatedUpstream(improvise=lambda _: current[0], gap=0)
    set_ = {"num_retries": 0, "disable_cooldowns": True, **router_settings}
    async with upstream, client_of(upstream, router_settings=set_) as client:
        asked = Ways(path, client, upstream, current)
        for _ in range(3):  # LiteLLM's first answer may differ from its later ones
            await asked.fast(USUAL[path]["words"])
        yield asked


@BOTH
async def test_a_usual_answer_is_litellm_s_own_without_litellm(path: str, ways: Counter[str]) -> None:
    async with ways_of(path) as asked:
        ways.clear()
        fast = {name: await asked.fast(each) for name, each in USUAL[path].items()}
        assert ways == {"learnt": len(USUAL[path])}
        slow = {name: await asked.slow(each) for name, each in USUAL[path].items()}
    assert fast == slow
    assert {status for status, *_ in fast.values()} == {200}


@BOTH
async def test_an_unusual_answer_is_litellm_s_to_tell(path: str, ways: Counter[str]) -> None:
    async with ways_of(path) as asked:
        ways.clear()
        fast = {}
        for name, each in UNUSUAL[path].items():
            for _ in range(2):  # a refused credential makes the lesson be forgotten
                await asked.fast(USUAL[path]["words"])
            fast[name] = await asked.fast(each)
        assert ways["in hand"] == len(UNUSUAL[path])
        slow = {name: await asked.slow(each) for name, each in UNUSUAL[path].items()}
    assert fast == slow
    assert {calls for *_, calls in fast.values()} == {1}


@BOTH
@pytest.mark.parametrize("name", ["a broken upstream", "cut"])
async def test_a_failure_is_litellm_s_to_try_again(path: str, name: str, ways: Counter[str]) -> None:
    async with ways_of(path, num_retries=1) as asked:
        ways.clear()
        fast, slow = await asked.fast(UNUSUAL[path][name]), await asked.slow(UNUSUAL[path][name])
    assert ways == {"in hand": 1}
    assert fast == slow and fast[3] == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
COUNT = st.integers(0, 300_000)
WORDS = st.text(st.characters(), max_size=20)
MORE = st.dictionaries(st.sampled_from(["x", "system_fingerprint", "service_tier", "obfuscation"]), JSON, max_size=2)
ODD: st.SearchStrategy[Any] = st.sampled_from([None, 1.5, -1, "", "7", True, [], {}, {"odd": 1}, 10**20])
TOKENS = st.one_of(COUNT, COUNT, COUNT, ODD)
USAGES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), TOKENS),
        "prompt_tokens_details": st.none() | st.fixed_dictionaries({"cached_tokens": TOKENS}) | ODD,
        "completion_tokens_details": st.none() | st.fixed_dictionaries({"reasoning_tokens": TOKENS}) | ODD,
    },
)
CHOICES = st.builds(
    lambda text, end, index, more: choice(text, end, index, **more),
    st.none() | WORDS,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter", None]),
    st.integers(0, 2),
    st.dictionaries(st.sampled_from(["tool_calls", "refusal", "audio", "reasoning_content", "x"]), JSON, max_size=2)
    | st.just({"tool_calls": [CALL]}),
)
COMPLETIONS = st.builds(
    lambda choices, usage, more: completion(*choices, **{"usage": usage, **more}),
    st.lists(CHOICES, max_size=2),
    USAGES,
    MORE,
)
MESSAGE_USAGES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("input_tokens", "output_tokens"), TOKENS),
        **dict.fromkeys(("cache_read_input_tokens", "cache_creation_input_tokens"), TOKENS),
        "cache_creation": st.fixed_dictionaries({"ephemeral_5m_input_tokens": TOKENS}) | ODD,
        "server_tool_use": JSON,
    },
)
ANSWERS = st.builds(
    lambda blocks, end, usage, more: answer(*blocks, end=end, **{"usage": usage, **more}),
    st.lists(st.builds(lambda text: {"type": "text", "text": text}, WORDS), max_size=2),
    st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal", None]),
    MESSAGE_USAGES,
    st.dictionaries(st.sampled_from(["x", "container", "stop_sequence", "model", "error"]), JSON, max_size=2),
)


@BOTH
@settings(max_examples=5, deadline=None, suppress_health_check=[*HealthCheck])
@given(data=st.data())
async def test_no_answer_can_tell_the_two_ways(path: str, data: st.DataObject) -> None:
    trees = data.draw(st.lists(COMPLETIONS if path == CHAT else ANSWERS, min_size=40, max_size=40))
    async with ways_of(path) as asked:
        for tree in trees:
            given = reply(json.dumps(tree).encode())
            assert await asked.fast(given) == await asked.slow(given)


# --- what is kept, and when ------------------------------------------------------------------------------------------


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> list[Lesson | None]:
    found: list[Lesson | None] = []
    learn = Lessons.learn

    def noting(self: Lessons, page: Any, lesson: Lesson | None) -> None:
        found.append(lesson)
        learn(self, page, lesson)

    monkeypatch.setattr(Lessons, "learn", noting)
    return found


def texts_of(root: object) -> Iterator[str]:
    """All that is to be found from there."""
    seen, left = set[int](), [root]
    while left:
        each = left.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType) or each is sys.modules:
            continue
        seen.add(id(each))
        if isinstance(each, str | bytes):
            yield each if isinstance(each, str) else each.decode("latin-1")
        left += [*each] if isinstance(each, dict) else []  # the collector has no use for keys
        left += gc.get_referents(each)


@BOTH
async def test_a_lesson_keeps_no_word_of_a_conversation_and_no_client_s_key(
    path: str, lessons: list[Lesson | None]
) -> None:
    asked = {**BODIES[path], "messages": [{"role": "user", "content": "a secret question"}]}
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        for _ in range(3):
            await client.post(path, json=asked)
    assert len(lessons) == 2
    for lesson in lessons:
        assert lesson is not None and lesson.form is not None
        texts = [*texts_of(lesson.form.call), *texts_of(lesson.form.hidden)]
        assert {"deployment", f"{BODIES[path]['model']}"} <= {*texts}
        assert not [text for text in texts if "secret question" in text or "short answer" in text or KEY in text]


@BOTH
async def test_a_stream_and_a_whole_answer_share_no_lesson(path: str, ways: Counter[str]) -> None:
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        for stream in (True, True, False, False):
            assert (await client.post(path, json={**BODIES[path], "stream": stream})).status_code == 200
        assert not ways
        for stream in (True, False):
            told = await client.post(path, json={**BODIES[path], "stream": stream})
            assert told.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
    assert ways == {"learnt": 2}


CHECKS = "enable_json_schema_validation"


@BOTH
@pytest.mark.parametrize("who", ["the process", "the deployment", "the client"])
async def test_nothing_is_learnt_where_litellm_checks_the_words_of_an_answer(
    path: str, who: str, ways: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, CHECKS, who == "the process")
    more = {CHECKS: True} if who == "the deployment" else {}
    asked = {**BODIES[path], **({CHECKS: True} if who == "the client" else {})}
    upstream = SimulatedUpstream(improvise=lambda _: USUAL[path]["words"], gap=0)
    async with upstream:
        models = tuple(having(each, more) for each in load_config(CONFIG, environment(upstream.url)).model_list)
        async with client_of(upstream, model_list=models) as client:
            for _ in range(3):
                assert (await client.post(path, json=asked)).status_code == 200
    assert not ways


def having(deployment: Any, more: Object) -> Any:
    params = deployment.litellm_params
    changed = params.model_validate({**params.model_dump(exclude_none=True), **more})
    return deployment.model_copy(update={"litellm_params": changed})


@pytest.mark.parametrize(
    ("path", "model"), [(CHAT, "claude-sonnet-4-5"), (CHAT, "gemini-2.5-pro"), (MESSAGES, "gpt-5")]
)
async def test_nothing_is_learnt_of_what_litellm_translates(path: str, model: str, ways: Counter[str]) -> None:
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        for _ in range(3):
            assert (await client.post(path, json=message(model))).status_code == 200
    assert not ways


@BOTH
async def test_a_success_is_counted_for_the_cooldowns_and_a_failure_is_none(path: str, counted: list[str]) -> None:
    async with ways_of(path) as asked:
        assert (await asked.fast(UNUSUAL[path]["a broken upstream"]))[0] == 500
        for _ in range(2):
            await asked.fast(USUAL[path]["words"])
        async with asyncio.timeout(PATIENCE):
            while len(counted) < 5:
                await asyncio.sleep(0.001)
    assert len(counted) == 5 and len({*counted}) == 1


@BOTH
@pytest.mark.parametrize(
    "held", [Reply(before=(Wait(FOREVER),)), pieces(Send(WRONG_JSON), Wait(FOREVER))], ids=["headers", "body"]
)
async def test_a_client_that_leaves_ends_the_call_that_goes_as_learnt(path: str, held: Reply) -> None:
    current = [USUAL[path]["words"]]
    async with SimulatedUpstream(improvise=lambda _: current[0], gap=0) as upstream, client_of(upstream) as client:
        for _ in range(2):
            await client.post(path, json=BODIES[path])
        current[:] = [held]
        asking = asyncio.ensure_future(client.post(path, json=BODIES[path]))
        await calls(upstream, 3)
        asking.cancel()
        async with asyncio.timeout(PATIENCE):
            while (failure := ending(upstream)) is None or failure.kind != "left":
                await asyncio.sleep(0.001)


def ending(upstream: SimulatedUpstream) -> Failure | None:
    found = upstream.unscripted[-1].outcome
    return found.failure if isinstance(found, HeardResponse) else found


@BOTH
async def test_the_log_cannot_tell_the_two_ways(path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sdk_proxy.requests")
    async with ways_of(path) as asked:
        caplog.clear()
        for name in ("words", "a tool"):
            await asked.fast(USUAL[path][name])
            await asked.slow(USUAL[path][name])
    assert len(set(lines(caplog.messages))) == 1


def lines(messages: Iterable[str]) -> list[str]:
    told = [json.loads(line) for line in messages]
    return [json.dumps({**line, "id": "", "duration": 0}) for line in told]
