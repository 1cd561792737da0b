import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from harness.model import Reply, Request, Send
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from sdk_proxy.schema import load_config
from sdk_proxy.stream_end import TRUNCATED, MessageEnd
from tests.sdk_proxy.sdk import CONFIG, NO_RETRIES, chat, client_of, environment, message

DONE = b"data: [DONE]\n\n"
PING = b'event: ping\r\ndata: {"type": "ping"}\r\n\r\n'
STOP = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
REASON = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":9}}\n\n'
)


def missing(*chunks: Any) -> list[str]:
    end = MessageEnd()
    for chunk in chunks:
        end.read(chunk)
    return list(end.missing())


@pytest.mark.parametrize(
    "last",
    [
        STOP,
        STOP.replace(b"\n", b"\r\n"),
        STOP.replace(b"\n", b"\r"),
        STOP.replace(b": ", b":"),
        STOP.decode(),
        {"type": "message_stop"},
        b'event: error\ndata: {"type": "error"}\n\n',
        b'data: {"type": "message_stop"}\n\n',
        REASON,
        REASON.replace(b"\n", b"\r\n"),
        REASON.replace(b'"type":"message_delta",', b""),
        REASON.partition(b"\n")[2],
        REASON.replace(b'":', b'": '),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    ],
)
def test_a_message_that_was_ended_needs_no_more(last: Any) -> None:
    assert missing(PING, last) == []
    assert missing(last, PING) == []


@pytest.mark.parametrize("size", [1, 7, 20])
@pytest.mark.parametrize("last", [STOP, REASON, REASON.replace(b"\n", b"\r\n")])
def test_an_end_is_found_in_whatever_pieces_it_comes(size: int, last: bytes) -> None:
    text = PING * 3 + last
    assert missing(*(text[at : at + size] for at in range(0, len(text), size))) == []


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (PING,),
        (b'event: x\ndata: {"text": "event: message_stop"}\n\n',),
        (b'event: x\ndata: {"text": "\\nevent: message_stop\\ndata: {\\"type\\": \\"message_stop\\"}"}\n\n',),
        ({"type": "ping"},),
        (REASON.replace(b'"end_turn"', b"null"),),
        ({"type": "message_delta", "delta": {"stop_reason": None}},),
        (REASON.replace(b"message_delta", b"message_start"),),
        (b'data: {"type": "content_block_start", "content_block": {"input": {"stop_reason": "end_turn"}}}\n\n',),
        (REASON.replace(b'"stop_reason":"end_turn"', b'"text":"{\\"stop_reason\\":\\"end_turn\\"}"'),),
    ],
)
def test_a_message_without_its_end_gets_an_error_event(chunks: tuple[Any, ...]) -> None:
    (event,) = missing(*chunks)
    assert event.startswith("event: error\n") and TRUNCATED in event


@pytest.mark.parametrize("half", [b"event: half\ndata: {", REASON.partition(b',"usage"')[0]])
def test_half_an_event_is_closed_before_the_error_event(half: bytes) -> None:
    closing, event = missing(PING, half)
    assert closing == "\n\n" and TRUNCATED in event


def test_what_is_no_event_stream_has_no_last_event() -> None:
    assert list(MessageEnd("application/json").missing()) == []


ALL = pytest.mark.parametrize("model", ["gpt-5", "claude-sonnet-5", "gemini-2.5-pro"])


@ALL
async def test_a_chat_that_was_truncated_ends_in_an_error_and_not_in_stop(model: str) -> None:
    async with upstream_of(truncated(4)) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        text = (await client.post("/v1/chat/completions", json=chat(model, stream=True))).text
    fault = json.loads(text.strip().split("\n\n")[-1].removeprefix("data: "))["error"]
    assert TRUNCATED in fault["message"] and fault["code"] == "502"
    assert "finish_reason" not in text and "[DONE]" not in text


ROUTES = pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", chat("gpt-4.1", stream=True)),
        ("/v1/chat/completions", chat("gpt-4.1", stream=True, stream_options={"include_usage": True})),
        ("/v1/chat/completions", chat("groq", stream=True)),
        ("/v1/completions", {"model": "gpt-4.1", "prompt": "hi", "stream": True}),
        ("/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": "hi", "stream": True}),
        ("/v1/messages", message("groq", stream=True)),
        ("/v1/responses", {"model": "groq", "input": "hi", "stream": True}),
    ],
)


@ROUTES
async def test_a_server_that_gives_no_reason_but_says_done_has_ended(path: str, body: Any) -> None:
    async with servers_of(without(b'"finish_reason":"')) as client:
        texts = [(await client.post(path, json=body)).text for _ in range(3)]
    for text in texts:
        assert TRUNCATED not in text and any(end in text for end in ('"stop"', '"end_turn"', "response.completed"))


@ROUTES
async def test_a_server_that_gives_no_reason_and_does_not_say_done_was_cut(path: str, body: Any) -> None:
    async with servers_of(lambda reply: without(DONE)(without(b'"finish_reason":"')(reply))) as client:
        texts = [(await client.post(path, json=body)).text for _ in range(3)]
    assert all(TRUNCATED in text for text in texts)


async def test_a_protocol_of_which_no_end_is_known_ends_as_litellm_says() -> None:
    words = [Send(b'data: {"text_output": "%b"}\n\n' % word) for word in (b"Hello", b" there")]
    async with servers_of(lambda _: Reply(200, (("content-type", "text/event-stream"),), acts=(*words,))) as client:
        text = (await client.post("/v1/chat/completions", json=chat("triton", stream=True))).text
    assert '"finish_reason":"stop"' in text and text.endswith("data: [DONE]\n\n")


async def test_a_prompt_that_gemini_blocks_is_an_answer() -> None:
    blocked = Send(b'data: {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "gemini-2.5-pro"}\r\n\r\n')
    async with upstream_of(lambda reply: replace(reply, acts=(blocked,))) as upstream, client_of(upstream) as client:
        text = (await client.post("/v1/chat/completions", json=chat("gemini-2.5-pro", stream=True))).text
    assert '"finish_reason":"content_filter"' in text and text.endswith("data: [DONE]\n\n")


async def test_a_message_with_a_reason_to_stop_is_whole_without_its_last_event() -> None:
    async with upstream_of(without(b"message_stop")) as upstream, client_of(upstream) as client:
        texts = [(await client.post("/v1/messages", json=message("claude-sonnet-5", stream=True))).text for _ in "123"]
    for text in texts:
        assert '"stop_reason":"end_turn"' in text.strip().split("\n\n")[-1]


async def test_a_chat_of_claude_that_says_its_end_but_no_reason_for_it_was_not_truncated() -> None:
    async with upstream_of(without(b"message_delta")) as upstream, client_of(upstream) as client:
        text = (await client.post("/v1/chat/completions", json=chat("claude-sonnet-5", stream=True))).text
    assert '"finish_reason":"stop"' in text and text.endswith("data: [DONE]\n\n")


@ALL
async def test_a_message_that_was_truncated_ends_in_an_error_and_not_in_a_stop(model: str) -> None:
    async with upstream_of(truncated(4)) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        text = (await client.post("/v1/messages", json=message(model, stream=True))).text
    assert text.strip().split("\n\n")[-1].startswith("event: error\n")
    assert "message_stop" not in text and "end_turn" not in text


@pytest.mark.parametrize(("path", "body"), [("/v1/chat/completions", chat), ("/v1/messages", message)])
async def test_a_stream_without_any_event_is_a_502_on_both_routes(path: str, body: Any) -> None:
    async with upstream_of(truncated(0)) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        answer = await client.post(path, json=body("claude-sonnet-5", stream=True))
    assert answer.status_code == 502 and TRUNCATED in answer.json()["error"]["message"]


@ALL
@pytest.mark.parametrize(("path", "body"), [("/v1/chat/completions", chat), ("/v1/messages", message)])
@pytest.mark.parametrize("line", [b": alive\n\n", b"retry: 5\n"])
async def test_lines_that_are_no_data_take_nothing_from_a_stream(model: str, path: str, body: Any, line: bytes) -> None:
    async with upstream_of(beside(line)) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        text = (await client.post(path, json=body(model, stream=True))).text
    assert "y other." in text and '"error"' not in text
    assert "[DONE]" in text or "message_stop" in text


async def test_a_whole_message_where_a_stream_was_asked_for_goes_through_as_it_is() -> None:
    async with upstream_of(unstreamed) as upstream, client_of(upstream, router_settings=NO_RETRIES) as client:
        answer = await client.post("/v1/messages", json=message("claude-sonnet-5", stream=True))
    assert answer.json()["stop_reason"] == "end_turn"


def upstream_of(change: Callable[[Reply], Reply]) -> SimulatedUpstream:
    whole = autoplay()
    return SimulatedUpstream(improvise=lambda request: change(whole(request)), gap=0)


@asynccontextmanager
async def servers_of(change: Callable[[Reply], Reply]) -> AsyncIterator[Any]:
    """A client of the SDK proxy, with deployments of two further providers that are at the same upstream."""
    async with upstream_of(change) as upstream:
        known = load_config(CONFIG, environment(upstream.url)).model_list
        gpt = next(each for each in known if each.model_name == "gpt-4.1")
        at = {"groq": f"{upstream.url}/openai/v1", "triton": f"{upstream.url}/generate"}
        more = [
            gpt.model_validate(
                {
                    "model_name": name,
                    "litellm_params": {"model": f"{name}/m", "api_base": base, "api_key": "k"},
                }
            )
            for name, base in at.items()
        ]
        async with client_of(upstream, model_list=(*known, *more), router_settings=NO_RETRIES) as client:
            yield client


def truncated(events: int) -> Callable[[Reply], Reply]:
    """The stream ends in order, but without its last event, if not earlier."""
    return lambda reply: replace(reply, acts=(reply.acts or ())[:-1][:events])


def without(name: bytes) -> Callable[[Reply], Reply]:
    """The stream, but for the events of that name."""
    kept = lambda act: not isinstance(act, Send) or name not in act.data  # noqa: E731
    return lambda reply: replace(reply, acts=tuple(filter(kept, reply.acts or ())))


def beside(line: bytes) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, acts=tuple(each for act in reply.acts or () for each in (Send(line), act)))


def unstreamed(_: Reply) -> Reply:
    return autoplay()(Request("POST", "/v1/messages", body=b"{}"))
