import json
import re
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import Reply
from harness.upstream import anthropic_wire, gemini_wire, openai_wire
from harness.upstream.app import SimulatedUpstream
from sdk_proxy.event_lines import EventLines, lines_of_events
from tests.sdk_proxy.sdk import chat, client_of, message

SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
WORDS = "Here is one.\u2028And another.\u2029Then\x85\u2028\u2028the last, \x0b\x0c\x1c\x1d\x1e and no more."
TEXT = st.text(st.sampled_from("ab\r\n" + SEPARATORS))


def lines_of(text: str, cuts: list[int]) -> list[str]:
    decoder, places = EventLines(), sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[begin:end] for begin, end in pairwise(places)]
    return [*(line for piece in pieces for line in decoder.decode(piece)), *decoder.flush()]


@given(TEXT, st.lists(st.integers(min_value=0)))
def test_lines_end_with_cr_lf_or_crlf_and_nothing_else_in_whatever_pieces_they_come(text: str, cuts: list[int]) -> None:
    expected = re.split(r"\r\n|\r|\n", text)
    assert lines_of(text, cuts) == (expected if expected[-1] else expected[:-1])


async def test_a_response_is_read_like_that_within_the_block_only() -> None:
    response = httpx.Response(200, text=f"a{SEPARATORS}b\nc")
    with lines_of_events():
        assert [line async for line in response.aiter_lines()] == [f"a{SEPARATORS}b", "c"]
    assert len([line async for line in response.aiter_lines()]) == 2 + len(SEPARATORS)


CLAUDE = anthropic_wire.stream_reply(anthropic_wire.message([anthropic_wire.text(WORDS)]), parts=12)
GEMINI = gemini_wire.stream_reply(WORDS, "gemini-2.5-pro", "words")
GPT = openai_wire.stream_reply(openai_wire.completion(WORDS), parts=12)


@pytest.mark.parametrize(
    ("path", "body", "reply"),
    [
        ("/v1/messages", message("claude-sonnet-5", stream=True), CLAUDE),
        ("/v1/messages", message("gemini-2.5-pro", stream=True), GEMINI),
        ("/v1/chat/completions", chat("claude-sonnet-5", stream=True), CLAUDE),
        ("/v1/chat/completions", chat("gemini-2.5-pro", stream=True), GEMINI),
        ("/v1/chat/completions", chat("gpt-4.1", stream=True), GPT),
        ("/v1/completions", {"model": "claude-sonnet-5", "prompt": "hi", "stream": True}, CLAUDE),
        ("/v1/responses", {"model": "claude-sonnet-5", "input": "hi", "stream": True}, CLAUDE),
        ("/v1/responses", {"model": "gemini-2.5-pro", "input": "hi", "stream": True}, GEMINI),
    ],
)
async def test_words_with_separators_reach_the_client_whole_each_time(path: str, body: Any, reply: Reply) -> None:
    async with SimulatedUpstream(improvise=lambda _: reply, gap=0) as upstream, client_of(upstream) as client:
        texts = [(await client.post(path, json=body)).text for _ in range(3)]
    assert [said(text) for text in texts] == [WORDS] * 3


def said(text: str) -> str:
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: {")]
    return "".join(_delta(json.loads(line)) for line in lines)


def _delta(event: Any) -> str:
    match event:
        case {"choices": [{"text": str(words)}]} | {"choices": [{"delta": {"content": str(words)}}]}:
            return words
        case {"type": "content_block_delta", "delta": {"text": str(words)}}:
            return words
        case {"type": "response.output_text.delta", "delta": str(words)}:
            return words
    return ""
