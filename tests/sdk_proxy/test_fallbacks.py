"""What a client reads when another model served it, and what an upstream's nonsense must not tell it."""

import json

import pytest

from harness.model import Reply, Request
from harness.upstream import anthropic_wire, gemini_wire
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from tests.sdk_proxy.sdk import NO_RETRIES, chat, client_of, message

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


def well_but_for(part_of_the_path: str, reply: Reply):
    answer = autoplay()
    return lambda request: reply if part_of_the_path in request.path else answer(request)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_that_fell_back_bears_the_name_of_the_model_that_served_it(stream):
    refused = anthropic_wire.error_reply(500, "no")
    async with (
        SimulatedUpstream(improvise=well_but_for("/anthropic/", refused), gap=0) as upstream,
        client_of(upstream, router_settings=NO_RETRIES) as client,
    ):
        answer = await client.post(CHAT, json=chat("claude-sonnet-5", stream, fallbacks=["gpt-5"]))
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if "model" in line]
    assert {json.loads(line)["model"] for line in lines} == {"gpt-5"}
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"


async def test_a_stream_that_a_provider_refuses_is_refused_and_not_sent_elsewhere():
    refused = gemini_wire.error_reply(400, "no")
    async with (
        SimulatedUpstream(improvise=well_but_for("/gemini/", refused), gap=0) as upstream,
        client_of(upstream) as client,
    ):
        body = message("gemini-2.5-flash", stream=True, fallbacks=["gpt-5"])
        answer = await client.post(MESSAGES, json=body)
        assert len(upstream.unscripted) == 1
    assert (answer.status_code, answer.headers["x-litellm-attempted-fallbacks"]) == (400, "0")


@pytest.mark.parametrize("model", ["claude-sonnet-5", "gpt-5"])
@pytest.mark.parametrize("body", [b"null", b"[]", b'{"choices": 5, "content": 5}'])
async def test_an_answer_that_is_none_tells_no_traceback_and_no_path(model, body):
    def nonsense(_: Request) -> Reply:
        return Reply(200, (("content-type", "application/json"),), body)

    async with (
        SimulatedUpstream(improvise=nonsense, gap=0) as upstream,
        client_of(upstream, router_settings=NO_RETRIES) as client,
    ):
        answer = await client.post(CHAT, json=chat(model))
    assert "error" in answer.json()
    assert not any(told in answer.text for told in ("Traceback", "site-packages", ".py", "127.0.0.1"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"messages": 5}, "valid list"), ({"messages": [[]]}, "valid dictionary"), ({"model": 5}, "valid string")],
)
async def test_a_count_says_what_is_wrong_with_its_fields(wrong, words):
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        answer = await client.post(f"{MESSAGES}/count_tokens", json={**chat("claude-sonnet-5"), **wrong})
        assert not upstream.unscripted
    assert words in answer.json()["error"]["message"]


async def test_models_that_are_asked_at_once_answer_in_a_list_failures_among_them():
    refused = anthropic_wire.error_reply(400, "no")
    async with (
        SimulatedUpstream(improvise=well_but_for("/anthropic/", refused), gap=0) as upstream,
        client_of(upstream, router_settings=NO_RETRIES) as client,
    ):
        answer = await client.post(CHAT, json=chat("gpt-5,claude-sonnet-5"))
    well, failed = answer.json()
    assert (answer.status_code, well["object"], failed["status_code"]) == (200, "chat.completion", 400)
