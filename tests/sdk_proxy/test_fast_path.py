"""The fast path answers as LiteLLM's own way does: each sequence of calls is played with it and without it."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest
from litellm.llms.anthropic.pass_through.messages.transformation import AnthropicMessagesConfig
from litellm.llms.base_llm.auth.token_exchange import default_token_exchange_engine

from harness.model import Reply, Request, Send
from harness.upstream import anthropic_wire, openai_wire
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import answer as improvised_answer
from sdk_proxy import learnt
from sdk_proxy.operation import Operation
from sdk_proxy.schema import load_config
from tests.sdk_proxy.loopback import Call, say
from tests.sdk_proxy.loopback import litellm as loopback_upstream
from tests.sdk_proxy.sdk import CONFIG, NO_RETRIES, client_of, environment

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
MODELS = {CHAT: "gpt-4.1", MESSAGES: "claude-sonnet-4-5"}
BOTH = pytest.mark.parametrize("path", [CHAT, MESSAGES])
STREAMED = pytest.mark.parametrize("stream", [True, False])
# What is another with each call, each process or each upstream of a test.
_VOLATILE = re.compile(rb'"created":\d+|127\.0\.0\.1:\d+|"(?:uid|request_id)":"[^"]*"')
Object = dict[str, Any]
Answering = Callable[[Request], Reply]


@dataclass(frozen=True)
class Turn:
    """What a client was answered, and the calls that its upstream got: path, headers, body."""

    status: int
    body: bytes
    asked: Sequence[tuple[str, list[tuple[str, str]], bytes]]


@dataclass
class Template:
    followed: int = 0


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch) -> Template:
    """Counts the calls that followed a template."""
    found, begin = Template(), learnt.begun

    async def count(*given: Any) -> Any:
        found.followed += 1
        return await begin(*given)

    monkeypatch.setattr(learnt, "begun", count)
    return found


def always_the_same(request: Request) -> Reply:
    return improvised_answer(request)


@asynccontextmanager
async def proxy(
    answering: Answering,
    fast_path: bool,
    params: Object | None = None,
    model_info: Object | None = None,
    **sections: Any,
) -> AsyncIterator[tuple[httpx.AsyncClient, SimulatedUpstream]]:
    """`params`, `model_info`: other ones of each deployment of the repository's configuration; None: without it."""
    async with SimulatedUpstream(improvise=answering, gap=0) as upstream:
        models = load_config(CONFIG, environment(upstream.url)).model_list
        changed = tuple(with_others(each, params or {}, model_info or {}) for each in models)
        given = {"model_list": changed, **sections}
        async with client_of(upstream, operation=Operation(fast_path=fast_path), **given) as client:
            yield client, upstream


def steady_headers(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, steady(value.encode()).decode()) for name, value in headers]


def with_others(deployment: Any, params: Object, model_info: Object) -> Any:
    before = deployment.litellm_params
    merged = {**before.model_dump(exclude_none=True), **params}
    kept = {name: value for name, value in merged.items() if value is not None}
    info = {**deployment.model_info, **model_info}
    return deployment.model_copy(update={"litellm_params": before.model_validate(kept), "model_info": info})


async def play(path: str, bodies: Sequence[bytes], answering: Answering, fast_path: bool, **given: Any) -> list[Turn]:
    async with proxy(answering, fast_path, **given) as (client, upstream):
        return [await one(client, upstream, path, each) for each in bodies]


async def one(client: httpx.AsyncClient, upstream: SimulatedUpstream, path: str, asked: bytes, **more: Any) -> Turn:
    before = len(upstream.unscripted)
    answer = await client.post(path, content=asked, **{"headers": JSON, **more})
    calls = [each.request for each in upstream.unscripted[before:]]
    told = [(each.path, steady_headers(each.headers), each.body) for each in calls]
    return Turn(answer.status_code, steady(answer.content), told)


def steady(text: bytes) -> bytes:
    return _VOLATILE.sub(b"<volatile>", text)


JSON = {"content-type": "application/json"}


def body(path: str, messages: Sequence[Object] | str, stream: bool, **more: Any) -> bytes:
    """`messages`: or their JSON as it is sent."""
    head = {"model": MODELS[path], "stream": stream, "max_tokens": 64, **more}
    text = messages if isinstance(messages, str) else json.dumps(messages)
    return json.dumps({**head, "messages": "<here>"}).replace('"<here>"', text).encode()


def user(content: Any, **more: Any) -> Object:
    return {"role": "user", "content": content, **more}


async def agree(path: str, bodies: Sequence[bytes], answering: Answering = always_the_same, **given: Any) -> list[Turn]:
    """Assert that no client and no upstream can tell the fast path from LiteLLM's own way."""
    fast = await play(path, bodies, answering, fast_path=True, **given)
    slow = await play(path, bodies, answering, fast_path=False, **given)
    for number, (one_way, other_way) in enumerate(zip(fast, slow, strict=True)):
        assert one_way == other_way, f"call {number}: {bodies[number]!r}"
    return fast


# --- what is in the messages -----------------------------------------------------------------------------------------

THINKING = {"type": "thinking", "thinking": "so", "signature": "abc"}
ENCRYPTED = "litellm_encrypted_reasoning:eyJhIjoxfQ=="
TEXT = {"type": "text", "text": "b"}
CALLED = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "c"}


@STREAMED
@pytest.mark.parametrize(
    ("plain", "other"),
    [
        (THINKING, {**THINKING, "signature": ENCRYPTED}),
        ({"type": "redacted_thinking", "data": "abc"}, {"type": "redacted_thinking", "data": ENCRYPTED}),
    ],
    ids=["signature", "data"],
)
async def test_reasoning_of_another_provider_never_reaches_claude(
    plain: Object, other: Object, stream: bool, template: Template
) -> None:
    def turn(block: Object) -> bytes:
        return body(MESSAGES, [user("a"), {"role": "assistant", "content": [block, TEXT]}, user("c")], stream)

    seen = await agree(MESSAGES, [turn(plain)] * 3 + [turn(other)])
    assert template.followed == 1
    assert ENCRYPTED.encode() not in seen[-1].asked[0][2]


@pytest.mark.parametrize("id_", ["toolu_1__thought__x", "toolu.1"])
async def test_an_id_that_litellm_rewrites_is_rewritten(id_: str, template: Template) -> None:
    def turn(id_: str) -> bytes:
        messages = [
            user("a"),
            {"role": "assistant", "content": [{**CALLED, "id": id_}]},
            user([{**RESULT, "tool_use_id": id_}]),
        ]
        return body(MESSAGES, messages, stream=True)

    await agree(MESSAGES, [turn("toolu_1")] * 3 + [turn(id_)])
    assert template.followed == 1


@STREAMED
async def test_the_headers_of_a_turn_are_no_other_turns(stream: bool, template: Template) -> None:
    plain = body(MESSAGES, [user("a")], stream)
    marked = body(MESSAGES, [user("a", output_config={"effort": "low"})], stream)
    seen = await agree(MESSAGES, [marked, marked, plain, plain, plain, plain, marked])
    assert template.followed >= 1
    betas = [dict(headers).get("anthropic-beta", "") for turn in seen for _, headers, _ in turn.asked]
    assert ["per-turn-control" in each for each in betas] == [True, True, False, False, False, False, True]


async def test_what_all_calls_of_a_template_had_is_needed_for_it(
    template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteLLM here adds a header for a block that the fast path takes for an ordinary one."""
    finalize = AnthropicMessagesConfig._finalize_messages_headers

    def with_a_header(self: Any, headers: Object, optional: Object, messages: list[Any]) -> Object:
        told = finalize(self, headers, optional, messages)
        return {**told, "x-of-a-block": "1"} if "thinking" in json.dumps(messages) else told

    monkeypatch.setattr(AnthropicMessagesConfig, "_finalize_messages_headers", with_a_header)
    thoughtful = body(MESSAGES, [user("a"), {"role": "assistant", "content": [THINKING, TEXT]}, user("c")], stream=True)
    plain = body(MESSAGES, [user("a"), {"role": "assistant", "content": [TEXT]}, user("c")], stream=True)
    await agree(MESSAGES, [thoughtful, thoughtful, thoughtful, plain, plain, plain, thoughtful])
    assert template.followed >= 2


def tool(path: str, schema: Object) -> Object:
    if path == MESSAGES:
        return {"name": "f", "input_schema": schema}
    return {"type": "function", "function": {"name": "f", "parameters": schema}}


# --- every value that JSON has ---------------------------------------------------------------------------------------

NUMBERS = ["null", "1e999", "-1e999", "NaN", "Infinity", "1", "1.0", "true", "0", "-0.0", "0.0", "false", "1e16"]
NUMBERS += ["10000000000000000", "123456789012345678901234567890", "1E2", "100", "1e-5", '""', '"\\ud800"', "[]", "{}"]


@BOTH
@pytest.mark.parametrize("place", ["parameter", "schema", "message"])
async def test_no_value_is_taken_for_another(path: str, place: str) -> None:
    """Each follows a template that was made for the one before it, if the two were taken for the same."""

    def asking(value: str) -> bytes:
        messages = json.dumps([user("a")])
        more: Object = {}
        if place == "parameter":
            more = {"temperature": "<value>"}
        elif place == "schema":
            schema = {"type": "object", "properties": {"n": {"type": "number", "default": "<value>"}}}
            more = {"tools": [tool(path, schema)]}
        else:
            called = {"role": "assistant", "content": [{**CALLED, "input": {"a": "<value>"}}]}
            messages = json.dumps([user("a"), called, user([RESULT])])
        return body(path, messages, stream=True, **more).replace(b'"<value>"', value.encode())

    bodies = [asking(value) for value in NUMBERS for _ in range(3)]
    await agree(path, bodies, router_settings={**NO_RETRIES, "disable_cooldowns": True})


# --- what is another with time, or with each call --------------------------------------------------------------------


@STREAMED
async def test_a_token_that_litellm_exchanges_is_never_an_old_one(
    stream: bool, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workload identity (llms/anthropic/wif.py): what authorises one call is refused an hour later."""
    later, exchanges = [0.0], count(1)
    for name, clock in (("_clock", time.monotonic), ("_wall_clock", time.time)):
        monkeypatch.setattr(default_token_exchange_engine, name, lambda clock=clock: clock() + later[0])
    monkeypatch.setenv("LITELLM_ANTHROPIC_WIF_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("AN_IDENTITY", "an-identity-token")
    minted = [""]

    def authorise(request: Request) -> Reply:
        if request.path.endswith("/oauth/token"):
            minted[0] = f"sk-ant-oat01-{next(exchanges)}"
            token = {"access_token": minted[0], "token_type": "Bearer", "expires_in": 90}
            return Reply(200, (("content-type", "application/json"),), json.dumps(token).encode())
        if dict(request.headers).get("authorization") != f"Bearer {minted[0]}":
            return anthropic_wire.error_reply(401, "the token has expired")
        return improvised_answer(request)

    asked = body(MESSAGES, [user("a")], stream)
    federated = {
        "anthropic_federation_rule_id": f"rule-{stream}",
        "anthropic_organization_id": "an-organization",
        "anthropic_identity_token": "oidc/env/AN_IDENTITY",
        "api_key": None,
    }
    async with proxy(authorise, fast_path=True, params=federated) as (client, upstream):
        seen = [await one(client, upstream, MESSAGES, asked) for _ in range(4)]
        later[0] = 3600.0  # seconds
        seen += [await one(client, upstream, MESSAGES, asked) for _ in range(2)]
    assert [each.status for each in seen] == [200] * 6
    assert minted == ["sk-ant-oat01-2"]
    assert not template.followed


@BOTH
@pytest.mark.parametrize("status", [401, 403])
async def test_what_was_refused_once_is_not_followed_again(path: str, status: int, template: Template) -> None:
    refused: list[int] = []

    def answer(request: Request) -> Reply:
        wire = anthropic_wire if path == MESSAGES else openai_wire
        return wire.error_reply(refused.pop(), "no") if refused else improvised_answer(request)

    settings = {**NO_RETRIES, "disable_cooldowns": True}
    async with proxy(answer, fast_path=True, router_settings=settings) as (client, upstream):
        followed = []
        for number in range(7):
            refused[:] = [status] if number == 3 else []
            words = [user(f"{number}")]
            assert (await one(client, upstream, path, body(path, words, stream=True))).status == (
                status if number == 3 else 200
            )
            followed.append(template.followed)
    assert followed == [0, 0, 1, 2, 2, 2, 3]


@BOTH
async def test_a_credential_that_is_not_the_deployments_is_not_learnt(
    path: str, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment without a key of its own: LiteLLM reads the environment with each call."""
    name = {CHAT: "OPENAI_API_KEY", MESSAGES: "ANTHROPIC_API_KEY"}[path]
    async with proxy(always_the_same, fast_path=True, params={"api_key": None}) as (client, upstream):
        for key in ("one", "one", "one", "two"):
            monkeypatch.setenv(name, key)
            seen = await one(client, upstream, path, body(path, [user("a")], stream=True))
    headers = dict(seen.asked[0][1])
    assert not template.followed
    assert "two" in (headers.get("x-api-key") or headers["authorization"])


@BOTH
async def test_a_router_that_counts_words_sees_them_all(path: str, template: Template) -> None:
    long = body(path, [user("word " * 3000)], stream=True)
    bodies = [body(path, [user("a")], stream=True)] * 3 + [long]
    settings = {**NO_RETRIES, "enable_pre_call_checks": True}
    await agree(path, bodies, router_settings=settings, model_info={"max_input_tokens": 1000})
    assert not template.followed


# --- learning ---------------------------------------------------------------------------------------------------------


@BOTH
@STREAMED
async def test_learning_that_fails_fails_no_call_and_tells_no_words(
    path: str, stream: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("the words of a client")

    monkeypatch.setattr(learnt, "lesson_of", fail)
    (seen,) = await play(path, [body(path, [user("a")], stream)], always_the_same, fast_path=True)
    assert (seen.status, len(seen.asked)) == (200, 1)
    assert "nothing was learnt of a call: ValueError" in caplog.text
    assert "the words" not in caplog.text


# --- the head of an answer -------------------------------------------------------------------------------------------

HEADS = {
    "not ASCII": b"x-a: caf\xe9",
    "no character": b"x-a: a\x00b",
    "a control character": b"x-a: a\x01b",
}


@BOTH
@STREAMED
@pytest.mark.parametrize("head", HEADS)
async def test_a_head_that_is_none_is_met_as_litellm_meets_it(path: str, stream: bool, head: str) -> None:
    """The third call follows a template; the upstream's answer to it, its first one, has that header."""
    fast, slow = [await third_call(path, stream, HEADS[head], fast_path) for fast_path in (True, False)]
    assert fast == slow
    assert fast[0] == 200


async def third_call(path: str, stream: bool, head: bytes, fast_path: bool) -> tuple[int, bytes, int]:
    """Its status, its body, and how many calls the upstream got for it."""
    asked = body(path, [user("a")], stream)
    reply = improvised_answer(Request("POST", path, (), asked))
    content = b"".join(act.data for act in reply.acts or () if isinstance(act, Send)) or reply.body
    kind = dict(reply.headers)["content-type"].encode()
    heads: list[bytes] = []

    async def say_it(_: Call, writer: asyncio.StreamWriter) -> None:
        more = b"".join(each + b"\r\n" for each in heads[:1])
        heads.clear()
        size = str(len(content)).encode()
        lines = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %b\r\nconnection: close\r\n%b\r\n"
        await say(lines % (kind, size, more) + content)(_, writer)
        writer.close()

    settings = {"num_retries": 1, "retry_after": 0, "disable_cooldowns": True}
    async with loopback_upstream(say_it) as upstream:
        operation = Operation(fast_path=fast_path)
        async with client_of(upstream, operation=operation, router_settings=settings) as client:
            for _ in range(2):
                assert (await client.post(path, content=asked, headers=JSON)).status_code == 200
            heads.append(head)
            before = len(upstream.calls)
            answer = await client.post(path, content=asked, headers=JSON)
    return answer.status_code, steady(answer.content), len(upstream.calls) - before
