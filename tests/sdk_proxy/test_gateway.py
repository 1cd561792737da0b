import asyncio
import base64
import gc
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from harness.model import Failure, Reply, Request, Response, Send, Wait, header
from harness.upstream import anthropic_wire, openai_wire
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from harness.upstream.wire import json_reply
from sdk_proxy.tap import Exchange
from tests.sdk_proxy.loopback import spoken
from tests.sdk_proxy.sdk import KEY, NO_RETRIES, chat, client_of, message
from tests.waiting import FOREVER, PATIENCE

CHAT, MESSAGES, COUNT = "/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"
RESPONSES = "/v1/responses"
STREAMS = {
    "openai chat": (CHAT, chat("gpt-5", stream=True)),
    "anthropic chat": (CHAT, chat("claude-sonnet-5", stream=True)),
    "anthropic messages": (MESSAGES, message("claude-sonnet-5", stream=True)),
    "openai responses": (RESPONSES, {"model": "gpt-5", "input": "hi", "stream": True}),
}
WHOLE = {name: (path, {**body, "stream": False}) for name, (path, body) in STREAMS.items()}


@asynccontextmanager
async def site(
    improvise: Callable[[Request], Reply] | None = None, **sections: Any
) -> AsyncIterator[tuple[SimulatedUpstream, httpx.AsyncClient]]:
    async with (
        SimulatedUpstream(improvise=improvise or autoplay(), gap=0) as upstream,
        client_of(upstream, **sections) as client,
    ):
        yield upstream, client


def refuses(status: int, words: str = "no", extra: tuple[tuple[str, str], ...] = ()) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        if "/messages" in request.path:
            return anthropic_wire.error_reply(status, words, extra=extra)
        return openai_wire.error_reply(status, words, extra=extra)

    return reply


def cut_in(acts: int, *more: Any) -> Callable[[Request], Reply]:
    """The first acts of a stream, and then something else."""
    answer = autoplay()

    def reply(request: Request) -> Reply:
        whole = answer(request)
        assert whole.acts is not None
        return replace(whole, acts=(*whole.acts[:acts], *more))

    return reply


def data(text: str) -> list[Any]:
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def decoded(response_id: str) -> str | None:
    """What LiteLLM's SDK makes of an id: base64 of the provider, the deployment and the provider's own id."""
    try:
        return base64.b64decode(response_id.removeprefix("resp_"), validate=True).decode()
    except ValueError:
        return None


async def calls(upstream: SimulatedUpstream, number: int = 1) -> list[Request]:
    async with asyncio.timeout(PATIENCE):
        while len(upstream.unscripted) < number:
            await asyncio.sleep(0.001)
    return [exchange.request for exchange in upstream.unscripted]


async def abandoned(upstream: SimulatedUpstream) -> bool:
    """Whether the upstream sees soon that the only call was given up."""

    def outcome() -> Failure | None:
        found = upstream.unscripted[0].outcome
        return found.failure if isinstance(found, Response) else found

    async with asyncio.timeout(PATIENCE):
        while (failure := outcome()) is None or failure.kind != "left":
            await asyncio.sleep(0.001)
    return True


# --- answers ---


@pytest.mark.parametrize("name", WHOLE)
async def test_a_whole_answer_has_the_alias_and_litellms_headers(name):
    path, body = WHOLE[name]
    async with site() as (_, client):
        answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["model"]) == (200, body["model"])
    assert answer.headers["x-litellm-model-group"] == body["model"]
    assert float(answer.headers["x-litellm-response-cost"]) > 0


async def test_a_streamed_chat_ends_in_done():
    async with site() as (_, client):
        answer = await client.post(CHAT, json=chat("gpt-5", stream=True))
    *chunks, done = data(answer.text)
    assert done == "[DONE]"
    assert {chunk["model"] for chunk in chunks} == {"gpt-5"}
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks).startswith("A short answer")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_streamed_message_has_one_start_with_the_alias_and_its_end():
    async with site() as (_, client):
        answer = await client.post(MESSAGES, json=message("claude-sonnet-4-5", stream=True))
    events = data(answer.text)
    starts = [event for event in events if event["type"] == "message_start"]
    assert [start["message"]["model"] for start in starts] == ["claude-sonnet-4-5"]
    assert events[-1]["type"] == "message_stop"
    assert answer.text.count("event: ") == len(events)


@pytest.mark.parametrize("name", STREAMS)
async def test_an_event_reaches_the_client_before_the_next_is_there(name):
    path, body = STREAMS[name]
    async with site(cut_in(6, Wait(FOREVER))) as (upstream, client):
        async with asyncio.timeout(PATIENCE), client.stream("POST", path, json=body) as answer:
            async for chunk in answer.aiter_raw():
                assert chunk
                break
        assert await abandoned(upstream)


async def test_models_are_listed_in_the_shape_of_the_protocol_that_asks():
    async with site() as (_, client):
        openai = (await client.get("/v1/models")).json()
        bare = (await client.get("/models")).json()
        anthropic = (await client.get("/v1/models", headers={"anthropic-version": "2023-06-01"})).json()
    assert openai == bare
    assert openai["object"] == "list"
    assert "gpt-5" in [model["id"] for model in openai["data"]]
    assert {model["type"] for model in anthropic["data"]} == {"model"}
    assert anthropic["has_more"] is False


async def test_one_model_is_shown_and_an_unknown_one_is_not_found():
    async with site() as (_, client):
        known, unknown = await client.get("/v1/models/gpt-5"), await client.get("/v1/models/nope")
    assert (known.json()["id"], known.json()["owned_by"]) == ("gpt-5", "openai")
    assert unknown.status_code == 404


async def test_tokens_are_counted_by_the_provider_and_estimated_for_an_unknown_model():
    async with site() as (upstream, client):
        counted = (await client.post(COUNT, params={"beta": "true"}, json=chat("claude-sonnet-5"))).json()
        estimated = (await client.post(COUNT, json=chat("nobody-knows-it"))).json()
        assert [request.path for request in await calls(upstream)] == ["/anthropic/v1/messages/count_tokens"]
    assert (counted["litellm_count_source"], estimated["litellm_count_source"]) == ("provider", "local_estimate")
    assert counted["input_tokens"] > 0 < estimated["input_tokens"]


async def test_its_own_routes_need_no_key():
    async with site() as (_, client):
        del client.headers["authorization"]
        answers = {path: await client.get(path) for path in ("/", "/health", "/health/liveliness")}
        answers["HEAD"] = await client.head("/")
    assert {answer.status_code for answer in answers.values()} == {200}
    assert answers["/health"].json()["status"] == "healthy"
    assert answers["/health/liveliness"].json() == "I'm alive!"
    assert answers["/"].headers["content-type"].startswith("text/html")


# --- what the provider is sent ---


async def test_the_provider_gets_its_own_key_and_never_the_gateways():
    async with site() as (upstream, client):
        for path, body in WHOLE.values():
            await client.post(path, json=body, headers={"x-api-key": KEY})
        requests = await calls(upstream, 3)
    assert not any(KEY in value for request in requests for _, value in request.headers)
    assert header(requests[0].headers, "authorization") == "Bearer openai-key"
    assert header(requests[2].headers, "x-api-key") == "anthropic-key"


@pytest.mark.parametrize("name", WHOLE)
async def test_the_provider_is_told_whose_memory_it_is(name):
    path, body = WHOLE[name]
    sent = {"user-agent": "claude-cli/2.1.330 (external, cli)", "x-sm-user-id": "mine", "x-supermemory-api-key": "mine"}
    async with site() as (upstream, client):
        await client.post(path, json=body, headers=sent)
        request = (await calls(upstream))[0]
    assert header(request.headers, "x-sm-user-id") == "claude-code"
    assert header(request.headers, "x-supermemory-api-key") is None


@pytest.mark.parametrize(
    ("path", "body"), [(CHAT, chat("gpt-5-memory")), (MESSAGES, message("claude-sonnet-5-memory"))]
)
async def test_supermemory_gets_its_key(path, body):
    async with site() as (upstream, client):
        await client.post(path, json=body, headers={"x-memory-user-id": "somebody"})
        request = (await calls(upstream))[0]
    assert header(request.headers, "x-sm-user-id") == "somebody"
    assert header(request.headers, "x-supermemory-api-key") == "supermemory-key"


async def test_a_message_goes_up_as_it_came_but_for_its_model():
    body = message(
        "claude-opus-4-8",
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        metadata={"user_id": '{"session_id":"abc"}'},
        thinking={"type": "adaptive"},
        tools=[{"name": "get", "input_schema": {"type": "object", "properties": {"ä": {"type": "string"}}}}],
    )
    beta = "interleaved-thinking-2025-05-14,claude-code-20250219"
    async with site() as (upstream, client):
        await client.post(f"{MESSAGES}?beta=true", json=body, headers={"anthropic-beta": beta})
        request = (await calls(upstream))[0]
    assert request.path == "/anthropic/v1/messages"
    assert json.loads(request.body) == body
    assert (header(request.headers, "anthropic-beta") or "").split(",") == sorted(beta.split(","))


# --- refusals ---


@pytest.mark.parametrize("path", [CHAT, MESSAGES, COUNT])
@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"authorization": "Bearer wrong"}, 400)])
async def test_without_the_key_nothing_goes_up(path, headers, status):
    async with site() as (upstream, client):
        client.headers.clear()
        answer = await client.post(path, json=message("claude-sonnet-5"), headers=headers)
        assert not upstream.unscripted
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, str(status))


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    "trick",
    [
        {"api_base": "http://127.0.0.1:9"},
        {"base_url": "http://127.0.0.1:9"},
        {"model_list": [{"model_name": "gpt-5", "litellm_params": {"model": "openai/x", "api_base": "http://e"}}]},
        {"user_config": {"model_list": []}},
        {"metadata": {"api_base": "http://127.0.0.1:9"}},
        {"litellm_embedding_config": {"api_base": "http://127.0.0.1:9"}},
        {"fallbacks": [{"model": "gpt-5", "api_base": "http://127.0.0.1:9"}]},
    ],
    ids="+".join,
)
async def test_a_client_cannot_send_the_providers_key_elsewhere(path, trick):
    async with site() as (upstream, client):
        answer = await client.post(path, json={**message("claude-sonnet-5"), **trick})
        assert not upstream.unscripted
    assert answer.status_code in (400, 401)
    assert "anthropic-key" not in answer.text


@pytest.mark.parametrize("name", WHOLE)
async def test_a_client_that_brings_a_key_of_its_own_pays_with_it(name):
    """As LiteLLM has it: `api_key` alone may be set, because it takes nothing away."""
    path, body = WHOLE[name]
    async with site() as (upstream, client):
        await client.post(path, json={**body, "api_key": "its-own"})
        request = (await calls(upstream))[0]
    assert not any("openai-key" in value or "anthropic-key" in value for _, value in request.headers)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (CHAT, chat("nope"), "Invalid model name passed in model=nope"),
        (MESSAGES, message("nope"), "Invalid model name passed in model=nope"),
        (CHAT, {"model": "gpt-5"}, "Missing required parameter: 'messages'"),
        (MESSAGES, chat("claude-sonnet-5"), "Missing required parameter: 'max_tokens'"),
    ],
)
async def test_what_is_missing_or_unknown_is_said_in_the_routes_own_envelope(path, body, words):
    async with site() as (_, client):
        answer = await client.post(path, json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert (answer.json().get("type") == "error") is (path == MESSAGES)


@pytest.mark.parametrize("body", [b'{"model": "gpt-5", "mess', b"\xff", b'{"a": }'])
async def test_a_body_that_is_no_json_is_refused(body):
    async with site() as (_, client):
        answer = await client.post(MESSAGES, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


# --- failures of the upstream ---


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (529, "overloaded_error"),
    ],
)
async def test_a_message_fails_as_anthropic_said_it(status, kind, stream):
    async with site(refuses(status), router_settings=NO_RETRIES) as (_, client):
        answer = await client.post(MESSAGES, json=message("claude-sonnet-5", stream))
    error = answer.json()["error"]
    assert (answer.status_code, answer.json()["type"], error["type"]) == (status, "error", kind)
    assert (error["message"], answer.json()["request_id"][:4]) == ("no", "req_")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "invalid_request_error"), (429, "throttling_error")],
)
async def test_a_chat_fails_in_openais_envelope(status, kind, stream):
    async with site(refuses(status), router_settings=NO_RETRIES) as (_, client):
        answer = await client.post(CHAT, json=chat("gpt-5", stream))
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (status, kind, str(status))


async def test_a_limit_is_met_again_before_the_client_hears_of_it() -> None:
    answer = autoplay()
    refused: list[Request] = []

    def reply(request: Request) -> Reply:
        if not refused:
            refused.append(request)
            return refuses(429, extra=(("retry-after", "0"),))(request)
        return answer(request)

    async with site(reply) as (upstream, client):
        got = await client.post(MESSAGES, json=message("claude-sonnet-5"))
        assert len(upstream.unscripted) == 2
    assert (got.status_code, got.headers["x-litellm-attempted-retries"]) == (200, "1")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_tells_no_key(stream):
    async with site(refuses(500, "anthropic-key openai-key"), router_settings=NO_RETRIES) as (_, client):
        for path, body in WHOLE.values():
            answer = await client.post(path, json={**body, "stream": stream})
            assert KEY not in answer.text + str(answer.headers)


async def test_an_error_in_mid_stream_is_the_streams_last_event():
    broken = cut_in(5, anthropic_wire.error_event(529, "Overloaded"))
    async with site(broken, router_settings=NO_RETRIES) as (_, client):
        message_stream = await client.post(MESSAGES, json=message("claude-sonnet-5", stream=True))
        chat_stream = await client.post(CHAT, json=chat("claude-sonnet-5", stream=True))
    assert data(message_stream.text)[-1]["type"] == "error"
    assert "error" in data(chat_stream.text)[-1]


async def test_a_chunk_that_is_no_event_does_not_end_the_stream() -> None:
    comment = Send(b": a comment\n\n")
    answer = autoplay()

    def reply(request: Request) -> Reply:
        whole = answer(request)
        return replace(whole, acts=(*(whole.acts or ())[:4], comment, *(whole.acts or ())[4:]))

    async with site(reply) as (_, client):
        got = await client.post(MESSAGES, json=message("claude-sonnet-5", stream=True))
    assert data(got.text)[-1]["type"] == "message_stop"


# --- a client that leaves ---


@pytest.mark.parametrize("name", WHOLE)
async def test_a_client_that_leaves_before_its_answer_ends_the_call(name):
    path, body = WHOLE[name]
    async with site(lambda _: Reply(before=(Wait(FOREVER),))) as (upstream, client):
        asking = asyncio.ensure_future(client.post(path, json=body))
        await calls(upstream)
        asking.cancel()
        assert await abandoned(upstream)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages/count_tokens", message("claude-sonnet-5")),
        ("/v1/responses/input_tokens", {"model": "claude-sonnet-5", "input": "hi"}),
    ],
)
async def test_a_client_that_leaves_before_its_tokens_are_counted_ends_the_call(path, body):
    async with site(lambda _: Reply(before=(Wait(FOREVER),))) as (upstream, client):
        asking = asyncio.ensure_future(client.post(path, json=body))
        await calls(upstream)
        asking.cancel()
        assert await abandoned(upstream)


@pytest.mark.parametrize("name", STREAMS)
async def test_a_client_that_leaves_before_the_first_event_ends_the_call(name):
    path, body = STREAMS[name]
    async with site(cut_in(0, Wait(FOREVER))) as (upstream, client):
        asking = asyncio.ensure_future(client.post(path, json=body))
        await calls(upstream)
        asking.cancel()
        assert await abandoned(upstream)


@pytest.mark.parametrize("name", STREAMS)
async def test_a_client_that_leaves_before_the_headers_of_a_stream_ends_the_call(name):
    path, body = STREAMS[name]
    async with site(lambda _: Reply(before=(Wait(FOREVER),))) as (upstream, client):
        asking = asyncio.ensure_future(client.post(path, json=body))
        await calls(upstream)
        asking.cancel()
        assert await abandoned(upstream)


# --- responses


async def test_only_the_gateway_knows_what_the_upstream_called_a_response():
    async with site() as (upstream, client):
        first = (await client.post(RESPONSES, json={"model": "gpt-5", "input": "hi"})).json()["id"]
        await client.post(RESPONSES, json={"model": "gpt-5", "input": "more", "previous_response_id": first})
        await client.get(f"{RESPONSES}/{first}")
        asked, continued, read = await calls(upstream, 3)
    whole = autoplay()(asked)
    theirs = json.loads(whole.body)["id"]
    assert theirs not in first and decoded(first) is None
    assert json.loads(continued.body)["previous_response_id"] == theirs
    assert (read.method, read.path) == ("GET", f"/openai/v1/responses/{theirs}")


async def test_the_events_of_a_streamed_response_share_one_id_and_the_alias():
    async with site() as (_, client):
        answer = await client.post(RESPONSES, json={"model": "gpt-5", "input": "hi", "stream": True})
    *events, done = data(answer.text)
    ids = {event["response"]["id"] for event in events if "response" in event}
    assert (done, events[-1]["type"], len(ids)) == ("[DONE]", "response.completed", 1)
    assert {event["model"] for event in events} == {"gpt-5"}


async def test_a_response_whose_stream_is_truncated_has_failed():
    async with site(cut_in(6)) as (_, client):
        answer = await client.post(RESPONSES, json={"model": "gpt-5", "input": "hi", "stream": True})
    *_, failed, done = data(answer.text)
    assert (failed["type"], failed["response"]["status"], done) == ("response.failed", "failed", "[DONE]")


# --- other routes of OpenAI's


@pytest.mark.parametrize("path", ["/openai/deployments/gpt-4.1/chat/completions", "/engines/gpt-4.1/chat/completions"])
async def test_the_model_may_stand_in_the_path(path):
    async with site() as (upstream, client):
        answer = await client.post(path, json={"messages": [{"role": "user", "content": "hi"}]})
        (call,) = await calls(upstream)
    assert answer.status_code == 200
    assert json.loads(call.body)["model"] == "gpt-4.1"


async def test_embeddings_come_with_the_alias():
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    reply = json_reply({"object": "list", "data": [vector], "model": "as-the-provider-says", "usage": usage})
    async with site(lambda _: reply) as (_, client):
        answer = await client.post("/v1/embeddings", json={"model": "text-embedding-3-small", "input": "hi"})
    assert answer.json()["data"] == [vector]
    assert answer.json()["model"] == "text-embedding-3-small"


async def test_a_stream_that_begins_with_an_error_is_an_answer_that_says_whether_to_try_again():
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": "hi", "stream": True}
    async with site(refuses(400)) as (_, client):
        answer = await client.post("/v1/completions", json=body)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (400, "false")


# --- what steers LiteLLM


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_names_of_claude_codes_model_picker_are_known(path):
    async with site() as (upstream, client):
        answer = await client.post(path, json=message("claude-sonnet-5[1m]"))
        (call,) = await calls(upstream)
    assert (answer.status_code, json.loads(call.body)["model"]) == (200, "claude-sonnet-5")


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_what_steers_guardrails_and_routing_does_not_reach_the_provider(path):
    steering = {
        "guardrails": ["pii"],
        "policies": ["p"],
        "guardrail_config": {"a": 1},
        "include_guardrail_response": True,
        "router_settings_override": {"num_retries": 0},
    }
    async with site() as (upstream, client):
        answer = await client.post(path, json=message("claude-sonnet-5", **steering))
        (call,) = await calls(upstream)
    assert not steering.keys() & json.loads(call.body).keys()
    assert answer.json()["guardrail_information"] == []
    assert answer.headers["x-litellm-applied-guardrails"] == "pii"


@pytest.mark.parametrize("given", STREAMS.values(), ids=STREAMS)
async def test_of_an_answer_that_is_over_no_request_is_kept(given):
    """A connection that is kept keeps the context that it was opened in, and what is in that."""
    path, body = given
    async with site() as (_, client):
        for _ in range(3):
            assert (await client.post(path, json=body)).status_code == 200
        kept = [each for each in gc.get_objects() if isinstance(each, Exchange)]
        assert not any(each.sent or each.answers for each in kept)


# --- what is in the query


@pytest.mark.parametrize(
    ("path", "body", "served"),
    [
        (CHAT, chat("claude-sonnet-5"), "gpt-4.1"),
        ("/v1/completions", {"model": "claude-sonnet-5", "prompt": "hi"}, "gpt-4.1"),
        (MESSAGES, message("claude-sonnet-5"), "claude-sonnet-5"),  # LiteLLM's endpoint has no such parameter
    ],
)
async def test_the_model_in_the_query_wins_where_litellm_s_endpoint_takes_one(path, body, served):
    async with site() as (upstream, client):
        for _ in range(3):  # the last would follow a template
            answer = await client.post(path, params={"model": "gpt-4.1"}, json=body)
            assert answer.status_code == 200
        asked = await calls(upstream, 3)
    assert [json.loads(each.body)["model"] for each in asked] == [served] * 3


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES, COUNT, "/v1/models"])
@pytest.mark.parametrize("name", ["api_base", "base_url", "user_config", "vertex_credentials", "model_list"])
async def test_what_a_client_may_not_set_is_refused_in_the_query_as_well(path, name):
    async with site() as (upstream, client):
        ask = {"method": "GET"} if path == "/v1/models" else {"method": "POST", "json": message("gpt-5")}
        answer = await client.request(url=path, params={name: "x"}, **ask)
    assert (answer.status_code, len(upstream.unscripted)) == (401, 0)
    assert name in answer.text


async def test_what_is_in_the_query_does_not_reach_the_provider():
    async with site() as (upstream, client):
        await client.post(CHAT, params={"temperature": "0.5"}, json=chat("gpt-4.1"))
        (asked,) = await calls(upstream)
    assert "temperature" not in json.loads(asked.body) and "temperature" not in asked.path


# --- headers of one connection


@pytest.mark.parametrize("path", [CHAT, MESSAGES, COUNT, "/engines/gpt-4.1/chat/completions"])
async def test_a_key_that_connection_names_goes_no_further(path):
    async with site() as (upstream, client):
        for _ in range(3):
            answer = await client.post(
                path, json=message("gpt-4.1"), headers={"connection": "Keep-Alive, Authorization"}
            )
            assert answer.status_code == 401
    assert not upstream.unscripted


async def test_a_user_that_connection_names_is_the_user_and_reaches_no_provider():
    headers = {"connection": "x-memory-user-id, x-other", "x-memory-user-id": "alice", "x-other": "1"}
    async with site() as (upstream, client):
        await client.post(CHAT, json=chat("gpt-4.1"), headers=headers)
        (asked,) = await calls(upstream)
    told = dict(asked.headers)
    assert (told["x-sm-user-id"], "x-memory-user-id" in told, "x-other" in told) == ("alice", False, False)


async def test_a_body_is_read_as_it_came_whatever_its_transfer_coding_is_called():
    """LiteLLM behind the binary proxy never answers it: there is no baseline to be equal to."""
    asked = json.dumps(chat("gpt-4.1")).encode()
    async with site() as (upstream, client):
        key = client.headers["authorization"].encode()
        head = b"POST %b HTTP/1.1\r\nhost: a\r\nauthorization: %b\r\ncontent-type: application/json\r\n" % (
            CHAT.encode(),
            key,
        )
        sent = head + b"transfer-encoding: gzip, chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(asked), asked)
        answer = await spoken(client.base_url.port, sent)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(upstream.unscripted) == 1


@pytest.mark.parametrize(("prompt", "status"), [("unknown", 200), (0.5, 500), (True, 500)])
async def test_a_prompt_id_that_is_no_text_is_refused_before_the_provider_is_asked(prompt, status):
    async with site() as (upstream, client):
        answer = await client.post(CHAT, json=chat("gpt-4.1", prompt_id=prompt))
    assert (answer.status_code, len(upstream.unscripted)) == (status, 1 if status == 200 else 0)
