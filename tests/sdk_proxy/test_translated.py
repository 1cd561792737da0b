"""Words that LiteLLM does not see must read as if it had translated them: each stream is played to both ways."""

import json
import re
from typing import Any

import pytest
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper

from harness.model import Reply
from harness.upstream.app import SimulatedUpstream
from tests.sdk_proxy.sdk import chat, client_of
from tests.sdk_proxy.test_same_format import (
    BLOCK,
    CUT,
    ENDS,
    ERROR,
    PING,
    PLAIN_MESSAGES,
    START,
    UNUSUAL_MESSAGES,
    sent,
    somebody_reads,
)

CHAT = "/v1/chat/completions"
Object = dict[str, Any]


def event(name: str, **data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data}, ensure_ascii=False)}\n\n"


def delta(kind: str, index: int = 0, **said: Any) -> str:
    return event("content_block_delta", index=index, delta={"type": kind, **said})


def word(text: str, index: int = 0) -> str:
    return delta("text_delta", index, text=text)


def block(index: int, kind: str, **more: Any) -> str:
    return event("content_block_start", index=index, content_block={"type": kind, **more})


def stop(index: int) -> str:
    return event("content_block_stop", index=index)


WORDS = [
    word(text) for text in ("Hé ", "llo", " \U0001f600", ' a "quoted" \\ line\n', "\x7f", "}]}", "data: ", " ", "e")
]
SAME = [word("same")] * 49
CITATION = delta("citations_delta", citation={"cited_text": "y"})
TOOL = [
    block(1, "tool_use", id="toolu_1", name="f", input={}),
    delta("input_json_delta", 1, partial_json=""),
    delta("input_json_delta", 1, partial_json='{"a":'),
    delta("input_json_delta", 1, partial_json=' "b"}'),
    stop(1),
]
THOUGHT = [
    block(0, "thinking", thinking="", signature=""),
    *(delta("thinking_delta", thinking=text) for text in ("hm ", "well")),
    delta("signature_delta", signature="abc"),
    stop(0),
]
LATER = [block(2, "text", text=""), *(word(text, 2) for text in "bcd")]
ENDED = [f"{each}\n\n" for each in ENDS.split("\n\n")[:-1]]
STREAMS: dict[str, list[Any]] = {
    **PLAIN_MESSAGES,
    **UNUSUAL_MESSAGES,
    "words": [START, BLOCK, *WORDS, ENDS],
    "words in one piece": [START + BLOCK + "".join(WORDS) + ENDS],
    "words with crlf": ["".join([START, BLOCK, *WORDS, ENDS]).replace("\n", "\r\n")],
    "pings between": [START, PING, BLOCK, *[each for text in WORDS for each in (text, PING)], ENDS],
    "an empty word": [START, BLOCK, *WORDS[:4], word(""), *WORDS[4:], ENDS],
    "line separators in a word": [START, BLOCK, *WORDS[:4], word("a\u2028b"), word("\x85"), *WORDS, ENDS],
    "a comment": [START, BLOCK, *WORDS[:4], ": hm\n\n", *WORDS[4:], ENDS],
    "more in a word": [START, BLOCK, *WORDS, delta("text_delta", text="a", more=1), *WORDS, ENDS],
    "citations": [
        START,
        BLOCK,
        *WORDS,
        delta("citations_delta", citation={"type": "x", "cited_text": "y"}),
        *WORDS,
        ENDS,
    ],
    "a tool between words": [START, BLOCK, *WORDS, stop(0), *TOOL, *LATER, ENDS],
    "thoughts before words": [START, *THOUGHT, block(1, "text", text=""), *(word(text, 1) for text in "abcdef"), ENDS],
    "a word now and then said again": [START, BLOCK, *[word(text) for text in ("same", "same", "a", "b") * 30], ENDS],
    "the same, interrupted": [
        START,
        BLOCK,
        *SAME,
        WORDS[0],
        *SAME,
        PING,
        *SAME,
        CITATION,
        *SAME,
        CITATION,
        *SAME,
        ENDS,
    ],
    "the same again and again": [START, BLOCK, *[word("same")] * 130, ENDS],
    "the same again and again, later": [START, BLOCK, *WORDS, *[word("same")] * 130, ENDS],
    "spaces again and again": [START, BLOCK, *WORDS, *[word("  ")] * 130, ENDS],
    "an error after words": [START, BLOCK, *WORDS, ERROR],
    "no json": [START, BLOCK, *WORDS, 'event: content_block_delta\ndata: {"type": "text_delta", oops\n\n', ENDS],
    "truncated after words": [START, BLOCK, *WORDS],
    "truncated in a word": [START, BLOCK, *WORDS, WORDS[0][:-9]],
    "cut after words": [START, BLOCK, *WORDS, CUT],
    "words after the reason to stop": [START, BLOCK, *WORDS, *ENDED[:-1], word("late"), word("later"), ENDED[-1]],
    "a stop before its words": [START, BLOCK, ENDED[-1], *WORDS[:2], *ENDED[:-1], word("late")],
    "words after all": [START, BLOCK, *WORDS, *ENDED, word("late"), word("later")],
    "two reasons to stop": [START, BLOCK, *WORDS, *ENDED[:-1], *ENDED],
}


def plain(text: str) -> str:
    for name, value in (("created", r"\d+"), ("id", r'"chatcmpl-[^"]+"'), ("cost", r"[\d.e-]+")):
        text = re.sub(rf'"{name}": ?{value}', f'"{name}":0', text)
    return text


async def both(body: Object, streams: dict[str, list[Any]]) -> tuple[dict[str, str], dict[str, str]]:
    current: list[Any] = []
    content = (("content-type", "text/event-stream"),)
    upstream = SimulatedUpstream(improvise=lambda _: Reply(200, content, acts=sent(current)), gap=0)
    fast, slow = dict[str, str](), dict[str, str]()
    settings = {"num_retries": 1, "disable_cooldowns": True}
    async with upstream, client_of(upstream, router_settings=settings) as client:

        async def told(pieces: list[Any]) -> str:
            current[:] = pieces
            answer = await client.post(CHAT, json=body)
            return f"{answer.status_code} {plain(answer.text)}"

        for name, pieces in streams.items():
            fast[name] = await told(pieces)
        with somebody_reads():
            for name, pieces in streams.items():
                slow[name] = await told(pieces)
    return fast, slow


@pytest.mark.parametrize("with_usage", [False, True])
async def test_a_translated_chat_reads_as_litellm_would_have_written_it(with_usage: bool) -> None:
    asked = {"stream_options": {"include_usage": True}} if with_usage else {}
    fast, slow = await both(chat("claude-sonnet-4-5", stream=True, **asked), STREAMS)
    assert fast == slow


async def test_pieces_that_tear_lines_apart_change_nothing() -> None:
    data = "".join(STREAMS["a tool between words"]).encode()
    torn = {str(size): [data[i : i + size] for i in range(0, len(data), size)] for size in (3, 50)}
    fast, slow = await both(chat("claude-sonnet-4-5", stream=True), torn)
    assert fast == slow and fast["3"] == fast["50"] and fast["3"].startswith("200")


async def test_litellm_makes_no_object_of_words_that_follow_on_words(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    created = CustomStreamWrapper.chunk_creator

    def creating(self: Any, chunk: Any) -> Any:
        seen.append(chunk)
        return created(self, chunk)

    monkeypatch.setattr(CustomStreamWrapper, "chunk_creator", creating)
    many = {"many": [START, BLOCK, *[word(str(number)) for number in range(200)], ENDS]}
    await both(chat("claude-sonnet-4-5", stream=True), many)
    assert 600 < len(seen) < 640  # three for each of the slow way's events
