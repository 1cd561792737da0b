import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from harness.model import Cut, Reply, Request, Wait, header
from harness.upstream import anthropic_wire, openai_wire
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from harness.upstream.wire import json_reply
from sdk_proxy.config_check import examined
from sdk_proxy.config_parser import parse
from sdk_proxy.litellm_proxy_sdk import assemble
from tests.sdk_proxy.loopback import served
from tests.sdk_proxy.sdk import CONFIG, KEY, NO_RETRIES, chat, client_of, environment, message

CHAT, MESSAGES, COUNT = "/v1/chat/completions", "/v1/messages?beta=true", "/v1/messages/count_tokens"
NOT_FOR_CHAT = {"gpt-3.5-turbo-instruct", "text-embedding-3-small"}
SONNET = "claude-sonnet-4-5"
SONNET_MODEL = "claude-sonnet-4-5-20250929"


def always(reply: Reply) -> Callable[[Request], Reply]:
    return lambda _: reply


def answering(reply: Reply | None = None) -> SimulatedUpstream:
    return SimulatedUpstream(improvise=always(reply) if reply else autoplay(), gap=0)


def events(text: str) -> list[tuple[str, Any]]:
    """The name and the data of each event of a stream."""
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.strip().split("\n\n")]
    return [(block.get("event", ""), block["data"]) for block in blocks]


# --- answers


async def test_a_chat_completion_bears_the_name_that_was_asked_for_and_litellm_s_headers() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        answer = await client.post(CHAT, json=chat(SONNET))
        assert answer.status_code == 200, answer.text
        assert answer.json()["model"] == SONNET
        assert answer.headers["x-litellm-model-name"] == f"anthropic/{SONNET_MODEL}"
        assert answer.headers["x-litellm-model-api-base"] == f"{upstream.url}/anthropic"
        assert float(answer.headers["x-litellm-response-cost"]) == float(answer.headers["x-litellm-key-spend"]) > 0
        assert answer.headers["llm_provider-request-id"] == answer.headers["request-id"]


async def test_a_message_bears_the_name_that_was_asked_for_and_costs_what_its_model_costs() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        answer = await client.post(MESSAGES, json=message("claude-sonnet-5-memory"))
        assert (answer.status_code, answer.json()["model"]) == (200, "claude-sonnet-5-memory")
        assert float(answer.headers["x-litellm-response-cost"]) > 0


async def test_a_streamed_message_goes_through_event_by_event_with_the_name_that_was_asked_for() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        answer = await client.post(MESSAGES, json=message(SONNET, stream=True))
        kinds = [kind for kind, _ in events(answer.text)]
        (start,) = [json.loads(data) for kind, data in events(answer.text) if kind == "message_start"]
        assert start["message"]["model"] == SONNET
        assert kinds[-2:] == ["message_delta", "message_stop"]
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-cache", "no")


@pytest.mark.parametrize("model", ["gpt-5", SONNET, "gemini-2.5-flash"])
async def test_a_streamed_chat_ends_with_done_and_shows_usage_only_to_who_asks(model: str) -> None:
    async with answering() as upstream, client_of(upstream) as client:
        plain = events((await client.post(CHAT, json=chat(model, stream=True))).text)
        asked = chat(model, stream=True, stream_options={"include_usage": True})
        counted = events((await client.post(CHAT, json=asked)).text)
        assert plain[-1][1] == counted[-1][1] == "[DONE]"
        assert {json.loads(data)["model"] for _, data in plain[:-1]} == {model}
        assert not any("usage" in data for _, data in plain)
        assert "usage" in counted[-2][1]


async def test_large_answers_are_compressed_for_who_offers_it_and_streams_never() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        packed = await client.get("/v1/models", headers={"accept-encoding": "gzip"})
        plain = await client.get("/v1/models", headers={"accept-encoding": "identity"})
        small = await client.get("/v1/models/gpt-5", headers={"accept-encoding": "gzip"})
        stream = await client.post(MESSAGES, json=message(SONNET, stream=True), headers={"accept-encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip" and packed.content == plain.content
        assert {"content-encoding"}.isdisjoint([*plain.headers, *small.headers, *stream.headers])
        assert len(gzip.compress(plain.content)) < len(plain.content)


# --- what goes up


async def test_the_provider_gets_its_own_key_the_x_headers_and_whose_memory_it_is() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        sent = {
            "user-agent": "claude-cli/2.1.330 (external, cli)",
            "x-first": "1",
            "x-stainless-lang": "js",
            "x-sm-user-id": "somebody-else",
            "anthropic-beta": "b-2025,a-2025",
            "cookie": "a=1",
        }
        await client.post(MESSAGES, json=message("claude-sonnet-5"), headers=sent)
        (call,) = upstream.unscripted
        got = {name.lower(): value for name, value in call.request.headers}
        assert call.request.path == "/anthropic/v1/messages"
        assert (got["x-api-key"], got["x-first"], got["x-sm-user-id"]) == ("anthropic-key", "1", "claude-code")
        assert {"x-stainless-lang", "authorization", "cookie", "x-supermemory-api-key"}.isdisjoint(got)


async def test_only_a_supermemory_deployment_gets_the_supermemory_key() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        for model in ("gpt-5", "gpt-5-memory"):
            await client.post(CHAT, json=chat(model), headers={"x-supermemory-api-key": "of-the-client"})
        keys = [header(call.request.headers, "x-supermemory-api-key") for call in upstream.unscripted]
        assert keys == [None, "supermemory-key"]


@pytest.mark.parametrize(
    "forbidden",
    [
        {"api_base": "http://evil.test"},
        {"base_url": "http://evil.test"},
        {"api_key": "k", "api_base": "http://evil.test"},
        {"model_list": []},
        {"metadata": {"api_base": "http://evil.test"}},
        {"litellm_embedding_config": {"api_base": "http://evil.test"}},
        {"fallbacks": [{"model": "gpt-5", "api_base": "http://evil.test"}]},
    ],
)
@pytest.mark.parametrize(("path", "model"), [(CHAT, "gpt-5"), (MESSAGES, "claude-sonnet-5")])
async def test_a_client_cannot_choose_where_its_request_goes(path: str, model: str, forbidden: dict[str, Any]) -> None:
    async with answering() as upstream, client_of(upstream) as client:
        answer = await client.post(path, json=message(model, **forbidden))
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "auth_error")
        assert upstream.unscripted == ()


# --- keys


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({}, 401, "Authentication Error, No api key passed in."),
        ({"authorization": "secret"}, 401, "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer"),
        ({"authorization": "Bearer wrong"}, 400, "No connected db."),
        ({"x-api-key": "wrong"}, 400, "No connected db."),
        ({"x-api-key": "ключ".encode()}, 400, "No connected db."),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", CHAT), ("POST", MESSAGES), ("POST", COUNT), ("GET", "/v1/models")]
)
async def test_who_has_not_the_key_is_refused_in_litellm_s_words(
    method: str, path: str, headers: Any, status: int, said: str
) -> None:
    async with answering() as upstream, client_of(upstream) as client:
        del client.headers["authorization"]
        answer = await client.request(method, path, headers=headers, json=message("gpt-5"))
        assert answer.status_code == status
        assert answer.json()["error"]["message"].startswith(said)
        assert upstream.unscripted == ()


async def test_an_unreadable_body_is_told_before_a_wrong_key() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        answer = await client.post(MESSAGES, content=b'{"model":', headers={"authorization": "Bearer wrong"})
        assert answer.json()["error"]["param"] == "request_body"


# --- lists, counts and pages


async def test_models_have_the_shape_of_the_protocol_that_asks() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        openai = (await client.get("/v1/models")).json()
        anthropic = (await client.get("/v1/models?limit=1000", headers={"anthropic-version": "2023-06-01"})).json()
        codex = (await client.get("/v1/models?client_version=0.169.0")).json()
        ids = [model["id"] for model in openai["data"]]
        assert ids[0] == "claude-opus-4-8" and "gpt-5-memory" in ids
        assert openai == (await client.get("/models")).json()
        assert [model["id"] for model in anthropic["data"]] == ids and anthropic["has_more"] is False
        assert [model["slug"] for model in codex["models"]] == [name for name in ids if name not in NOT_FOR_CHAT]


async def test_one_model_is_told_with_its_provider_and_an_unknown_one_is_not_there() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        assert (await client.get("/v1/models/gemini-2.5-pro")).json()["owned_by"] == "gemini"
        unknown = await client.get("/v1/models/nope")
        assert (unknown.status_code, unknown.json()) == (
            404,
            {"detail": "The model `nope` does not exist or is not accessible"},
        )


async def test_tokens_are_counted_by_the_provider_and_else_estimated() -> None:
    async with answering(anthropic_wire.count_tokens(17)) as upstream, client_of(upstream) as client:
        counted = await client.post(COUNT, json=message("claude-sonnet-5", system="be good"))
        unknown = await client.post(COUNT, json=message("nope"))
        assert counted.json() == {"input_tokens": 17, "litellm_count_source": "provider"}
        assert unknown.json()["litellm_count_source"] == "local_estimate"
        assert json.loads(upstream.unscripted[0].request.body)["system"] == "be good"


async def test_an_estimate_stands_in_where_the_provider_cannot_count() -> None:
    async with answering(anthropic_wire.error_reply(500, "no")) as upstream, client_of(upstream) as client:
        counted = await client.post(COUNT, json=message("claude-sonnet-5"))
        assert counted.json()["litellm_count_source"] == "local_estimate"


@pytest.mark.parametrize("missing", ["model", "messages"])
async def test_a_count_without_model_or_messages_is_refused_in_anthropic_s_shape(missing: str) -> None:
    async with answering() as upstream, client_of(upstream) as client:
        body = {name: value for name, value in message("claude-sonnet-5").items() if name != missing}
        answer = await client.post(COUNT, json=body)
        error = {"type": "invalid_request_error", "message": f"{missing} parameter is required"}
        assert (answer.status_code, answer.json()) == (400, {"type": "error", "error": error})


async def test_whoever_asks_sees_that_the_gateway_is_alive_without_a_key() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        del client.headers["authorization"]
        assert (await client.get("/health")).json()["status"] == "healthy"
        assert (await client.get("/health/liveliness")).json() == "I'm alive!"
        assert (await client.get("/health/readiness")).json()["status"] == "healthy"
        head = await client.head("/")
        assert (head.status_code, head.headers["content-type"]) == (200, "text/html; charset=utf-8")
        info = await client.get("/memory-routing/info", headers={"x-memory-user-id": "me"})
        assert info.json() == {
            "user_id": "me", "matched_pattern": None, "custom_header_present": True, "is_default": False
        }  # fmt: skip


async def test_litellm_s_routes_have_its_date_and_security_headers_and_our_own_have_not() -> None:
    names = {"date", "vary", "x-frame-options", "content-security-policy", "x-content-type-options"}
    async with answering() as upstream, client_of(upstream) as client:
        assert names <= (await client.get("/v1/models")).headers.keys()
        assert names.isdisjoint((await client.get("/health")).headers.keys())
        assert "date" in (await client.post(CHAT, content=b"[1]")).headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("GET", CHAT, 405), ("DELETE", "/v1/models", 405), ("POST", "/health", 405)],
)
async def test_a_wrong_path_or_method_is_told_without_a_key(method: str, path: str, status: int) -> None:
    async with answering() as upstream, client_of(upstream) as client:
        del client.headers["authorization"]
        assert (await client.request(method, path)).status_code == status


# --- errors


@pytest.mark.parametrize(
    ("body", "said", "param"),
    [
        (b'{"model": ', "Invalid JSON payload: ", "request_body"),
        (b"{}", "/chat/completions: Missing required parameter: 'messages'.", "messages"),
        (b'{"model":"nope","messages":[]}', "/chat/completions: Invalid model name passed in model=nope.", None),
        (b'{"model":5,"messages":[]}', "'model' must be a string.", "model"),
        (b'{"model":"gpt-5","metadata":5,"messages":"x","mock_testing_fallbacks":true}', "Mock testing request", None),
        (b'{"model":"http://evil.test/m","messages":[]}', "invalid_request", "model"),
    ],
)
async def test_a_request_that_cannot_be_answered_is_told_why_in_openai_s_shape(
    body: bytes, said: str, param: str | None
) -> None:
    async with answering() as upstream, client_of(upstream) as client:
        answer = await client.post(CHAT, content=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "400")
        assert error["message"].startswith(said)
        assert error["param"] == param or said == "invalid_request"


async def test_a_request_that_cannot_be_answered_is_told_why_in_anthropic_s_shape() -> None:
    async with answering() as upstream, client_of(upstream) as client:
        answer = await client.post(MESSAGES, json={"model": "nope", "max_tokens": 1, "messages": []})
        assert answer.status_code == 400
        assert answer.json()["type"] == "error"
        assert answer.json()["error"]["message"].startswith("anthropic_messages: Invalid model name passed in")
        assert answer.headers["x-litellm-version"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind", "client_status"),
    [(400, "invalid_request_error", 400), (403, "permission_error", 403), (429, "rate_limit_error", 429)],
)
async def test_the_upstream_s_error_comes_in_the_envelope_of_the_route(
    status: int, kind: str, client_status: int, stream: bool
) -> None:
    reply = anthropic_wire.error_reply(status, "the upstream said no")
    async with answering(reply) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        anthropic = await client.post(MESSAGES, json=message("claude-sonnet-5", stream))
        openai = await client.post(CHAT, json=chat("claude-opus-4-8", stream))
        assert (anthropic.status_code, anthropic.json()["error"]["type"]) == (client_status, kind)
        assert "the upstream said no" in anthropic.json()["error"]["message"]
        assert (openai.status_code, openai.json()["error"]["code"]) == (client_status, str(client_status))
        assert openai.headers["llm_provider-request-id"]


async def test_an_upstream_s_cookie_never_reaches_a_client_not_even_with_an_error() -> None:
    reply = anthropic_wire.error_reply(400, "no", extra=(("set-cookie", "__cf_bm=1; path=/"),))
    async with answering(reply) as upstream, client_of(upstream) as client:
        for path, body in ((CHAT, chat("claude-sonnet-5")), (MESSAGES, message("claude-sonnet-5"))):
            answer = await client.post(path, json=body)
            assert not any("__cf_bm" in value for value in answer.headers.values())


async def test_a_failure_that_is_worth_it_is_tried_again() -> None:
    replies = iter([anthropic_wire.error_reply(500, "once"), anthropic_wire.reply(anthropic_wire.message([]))])
    async with (
        SimulatedUpstream(improvise=lambda _: next(replies), gap=0) as upstream,
        client_of(upstream, router_settings={"num_retries": 1, "retry_after": 0}) as client,
    ):
        answer = await client.post(MESSAGES, json=message("claude-sonnet-5"))
        assert (answer.status_code, answer.headers["x-litellm-attempted-retries"]) == (200, "1")


async def test_a_stream_that_is_cut_is_told_to_the_client() -> None:
    stream = openai_wire.stream_reply(openai_wire.completion("a long answer"))
    assert stream.acts is not None
    cut = replace(stream, acts=(*stream.acts[:3], Wait(0.1), Cut("fin")))
    async with answering(cut) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        seen = events((await client.post(CHAT, json=chat("gpt-5", stream=True))).text)
        assert "error" in json.loads(seen[-1][1])


async def test_two_answers_are_streamed_at_the_same_time() -> None:
    slow = anthropic_wire.stream_reply(anthropic_wire.message([anthropic_wire.text("slow")]))
    assert slow.acts is not None
    slow = replace(slow, acts=tuple(act for sent in slow.acts for act in (sent, Wait(0.02))))
    async with answering(slow) as upstream, client_of(upstream) as client:
        bodies = [message("claude-sonnet-5", stream=True) for _ in range(5)]
        answers: list[httpx.Response] = await asyncio.gather(*(client.post(MESSAGES, json=body) for body in bodies))
        assert [answer.status_code for answer in answers] == [200] * 5
        assert all("message_stop" in answer.text for answer in answers)


# --- routes that our own configuration has no models for

SAID = {"text": "Which river?"}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": []}
DRAWN = {"created": 1, "data": [{"b64_json": "aGk="}]}
JUDGED = {"id": "modr-1", "model": "omni-moderation-latest", "results": []}
SPOKEN = bytes(range(256)) * 100
GOOGLE = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
GENERATED = {"candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP"}]}


@asynccontextmanager
async def routes_client(upstream: SimulatedUpstream, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    """Of the configuration in tests/parity/routes."""
    variables = {**environment(upstream.url), **environ}
    config, _ = examined(CONFIG.parents[1] / "tests" / "parity" / "routes" / "config.yaml", variables)
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        served(assemble(parse(config, variables))) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client,
    ):
        yield client


@pytest.fixture
def anthropic_variables(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """LiteLLM's pass-through reads them in the process's environment."""

    def set_to(url: str) -> None:
        monkeypatch.setenv("ANTHROPIC_API_BASE", f"{url}/anthropic")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "anthropic-key")

    return set_to


@pytest.mark.parametrize(
    ("path", "body", "reply", "key"),
    [
        ("/v1/images/generations", {"model": "picture", "prompt": "a river"}, DRAWN, "created"),
        ("/openai/deployments/picture/images/generations", {"prompt": "a river"}, DRAWN, "created"),
        ("/moderations", {"model": "judge", "input": "hi"}, JUDGED, "id"),
        ("/v1beta/models/gem:generateContent", GOOGLE, GENERATED, "candidates"),
        ("/anthropic/v1/messages", {"model": "claude-sonnet-5", "max_tokens": 5, "messages": []}, MESSAGE, "id"),
    ],
)
async def test_a_route_of_litellm_s_gives_what_its_provider_says(
    path: str, body: Any, reply: Any, key: str, anthropic_variables: Callable[[str], None]
) -> None:
    async with answering(json_reply(reply)) as upstream, routes_client(upstream) as client:
        anthropic_variables(upstream.url)
        answer = await client.post(path, json=body)
        assert (answer.status_code, len(upstream.unscripted)) == (200, 1), answer.text
        assert answer.json()[key] == reply[key]


async def test_speech_is_the_provider_s_sound_and_a_transcription_its_text() -> None:
    sound = Reply(200, (("content-type", "audio/mpeg"),), SPOKEN)
    async with answering(sound) as upstream, routes_client(upstream) as client:
        answer = await client.post("/v1/audio/speech", json={"model": "speech", "input": "hi", "voice": "alloy"})
        assert (answer.content, answer.headers["content-type"]) == (SPOKEN, "audio/mpeg")
    async with answering(json_reply(SAID)) as upstream, routes_client(upstream) as client:
        files, data = {"file": ("a.wav", SPOKEN, "audio/wav")}, {"model": "hearing", "language": "en"}
        answer = await client.post("/v1/audio/transcriptions", files=files, data=data)
        assert (answer.status_code, answer.json()["text"]) == (200, SAID["text"])
        (call,) = upstream.unscripted
        assert SPOKEN in call.request.body and b'filename="a.wav"' in call.request.body


async def test_an_image_is_edited_whatever_its_field_is_called() -> None:
    async with answering(json_reply(DRAWN)) as upstream, routes_client(upstream) as client:
        for field in ("image", "image[]"):
            files, data = {field: ("a.png", SPOKEN, "image/png")}, {"model": "picture", "prompt": "more"}
            answer = await client.post("/v1/images/edits", files=files, data=data)
            assert (answer.status_code, answer.json()["data"][0]["b64_json"]) == (200, "aGk="), answer.text
        assert all(SPOKEN in call.request.body for call in upstream.unscripted)


async def test_tokens_and_groups_need_no_provider() -> None:
    async with answering() as upstream, routes_client(upstream) as client:
        counted = await client.post("/utils/token_counter", json={"model": "gpt", "prompt": "hi"})
        assert (counted.status_code, counted.json()["total_tokens"]) == (200, 1)
        groups = (await client.get("/model_group/info", params={"model_group": "gem"})).json()["data"]
        assert [(each["model_group"], each["providers"]) for each in groups] == [("gem", ["gemini"])]
        assert upstream.unscripted == ()


async def test_a_key_in_the_query_counts_on_gemini_s_routes_only() -> None:
    async with answering(json_reply(GENERATED)) as upstream, routes_client(upstream) as client:
        del client.headers["authorization"]
        google = await client.post("/v1beta/models/gem:generateContent", params={"key": KEY}, json=GOOGLE)
        other = await client.post("/v1/messages", params={"key": KEY}, json=message("claude"))
        assert (google.status_code, other.status_code) == (200, 401)
        (call,) = upstream.unscripted
        assert header(call.request.headers, "x-sm-user-id") is None  # as behind the binary proxy


async def test_the_cookies_of_a_pass_through_stay_here(anthropic_variables: Callable[[str], None]) -> None:
    reply = replace(json_reply(MESSAGE), headers=(("content-type", "application/json"), ("set-cookie", "a=b")))
    async with answering(reply) as upstream, routes_client(upstream) as client:
        anthropic_variables(upstream.url)
        answer = await client.post("/anthropic/v1/messages", json=message("claude-sonnet-5"))
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)


async def test_the_address_of_a_pass_through_is_the_operator_s_whatever_a_client_sends(
    anthropic_variables: Callable[[str], None],
) -> None:
    async with answering(json_reply(MESSAGE)) as upstream, routes_client(upstream) as client:
        anthropic_variables(upstream.url)
        for path in ("/anthropic/..%2f..%2fsecret", "/anthropic///127.0.0.1:9/x", "/anthropic/http://127.0.0.1:9/x"):
            await client.post(path, json={"a": 1})
        refused = await client.post("/anthropic/v1/messages", json={"api_base": "http://127.0.0.1:9"})
        assert refused.status_code == 401
        assert [call.request.path.startswith("/anthropic/") for call in upstream.unscripted] == [True] * 3
        assert {header(call.request.headers, "x-api-key") for call in upstream.unscripted} == {"anthropic-key"}


async def test_a_deployment_whose_key_is_not_set_is_asked_without_one_and_the_others_with_theirs() -> None:
    async with answering() as upstream, routes_client(upstream) as client:
        for model in ("keyless", "gpt"):
            await client.post(CHAT, json=chat(model))
        keys = [header(call.request.headers, "authorization") for call in upstream.unscripted]
        assert keys == [None, "Bearer openai-key"]
        assert "keyless" in (await client.get("/v1/models")).text


@pytest.mark.parametrize(("path", "body"), [(CHAT, chat("gpt")), ("/v1/messages", message("claude"))])
async def test_a_body_may_come_compressed(path: str, body: Any) -> None:
    async with answering() as upstream, routes_client(upstream) as client:
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        answer = await client.post(path, content=gzip.compress(json.dumps(body).encode()), headers=headers)
        assert answer.status_code == 200, answer.text
        (call,) = upstream.unscripted
        assert json.loads(call.request.body)["messages"]
        assert header(call.request.headers, "content-encoding") is None
