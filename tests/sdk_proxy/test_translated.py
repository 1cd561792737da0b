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
UNCOUNTED = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude-sonnet-4-5"}
END_UNCOUNTED = event("message_delta", delta={"stop_reason": "end_turn"})
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
    "the same, with more": [START, BLOCK, *SAME, *[delta("text_delta", text="same", more=1)] * 60, ENDS],
    "no usage": [event("message_start", message=UNCOUNTED), BLOCK, *WORDS, END_UNCOUNTED, ENDED[-1]],
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


def gemini(*parts: Object, end: str | None = None, used: Any = 3, index: int | None = 0, **more: Any) -> str:
    """An event of Gemini's; `used`: tokens, or what is in the place of all that is said of them; None: nothing."""
    candidate = {"content": {"parts": list(parts), "role": "model"}, **({} if index is None else {"index": index})}
    usage = tokens(used) if isinstance(used, int) else used
    head = {"modelVersion": "gemini-2.5-pro", "responseId": "r1"}
    said = {"candidates": [{**candidate, **({"finishReason": end} if end else {})}], **head, **more}
    return (
        f"data: {json.dumps(said if usage is None else {**said, 'usageMetadata': usage}, ensure_ascii=False)}\r\n\r\n"
    )


def tokens(used: int, **more: Any) -> Object:
    details = [{"modality": "TEXT", "tokenCount": 8}]
    return {"promptTokenCount": 8, "candidatesTokenCount": used, "totalTokenCount": 8 + used, **more} | {
        "promptTokensDetails": details
    }


def said(text: str, used: Any = 3, **more: Any) -> str:
    return gemini({"text": text}, used=used, **more)


TEXTS = ("Hé ", "llo", " \U0001f600", ' a "quoted" \\ line\n', "\x7f", "}]}", "data: ", " ", "e")
SAID = [said(text, used) for used, text in enumerate(TEXTS, 1)]
END = said("end", 20, end="STOP")
CALL = {"functionCall": {"name": "ping", "args": {"a": 1}}}
GEMINI: dict[str, list[Any]] = {
    "words": [*SAID, END],
    "words in one piece": ["".join([*SAID, END])],
    "words with lf": ["".join([*SAID, END]).replace("\r\n", "\n")],
    "no usage but the last": [*(said(text, None) for text in TEXTS), END],
    "no usage": [*(said(text, None) for text in TEXTS), said("", None, end="STOP")],
    "usage that ends before the words": [*SAID, said("a", None), said("b", None), said("c", None, end="STOP")],
    "usage that an end without any relies on": [*SAID, said("", None, end="STOP")],
    "usage of which the last has less": [
        *(said(text, tokens(5, thoughtsTokenCount=number)) for number, text in enumerate(TEXTS)),
        *SAID,
        said("", {"promptTokenCount": 8}, end="STOP"),
    ],
    "no tokens for a while": [*SAID, *(said(text, 0) for text in TEXTS), said("", None, end="STOP")],
    "no tokens at first": [*(said(text, 0) for text in TEXTS), *SAID, said("", 0, end="STOP")],
    "tokens that are no number": [*SAID, said("a", {"candidatesTokenCount": "1"}), *SAID, END],
    "tokens in halves": [*SAID, *(said(text, {"candidatesTokenCount": 1.5}) for text in TEXTS), END],
    "usage that is no object": [*SAID, *(said(text, "none") for text in TEXTS), END],
    "usage that is null": [*(said(text).replace(json.dumps(tokens(3)), "null") for text in TEXTS), END],
    "no index": [*(said(text, index=None) for text in TEXTS), END],
    "another index": [*SAID, *(said(text, index=1) for text in TEXTS), END],
    "two parts": [*SAID, *(gemini({"text": text}, {"text": "b"}) for text in TEXTS), END],
    "no parts": [*SAID, gemini(), *SAID, END],
    "an empty word": [*SAID, said(""), *SAID, END],
    "thoughts": [*(gemini({"text": text, "thought": True}) for text in TEXTS), *SAID, END],
    "thoughts between": [
        *SAID,
        *(gemini({"text": text, "thought": number % 2 == 0}) for number, text in enumerate(TEXTS)),
        END,
    ],
    "signatures": [*SAID, *(gemini({"text": text, "thoughtSignature": "c2ln"}) for text in TEXTS), *SAID, END],
    "a tool between words": [*SAID, gemini(CALL), *SAID, said("", 20, end="STOP")],
    "a tool at the end": [*SAID, gemini(CALL, end="STOP")],
    "another version": [*SAID, *(said(text, modelVersion="other") for text in TEXTS), END],
    "another id": [*(said(text, responseId=f"r{number}") for number, text in enumerate(TEXTS)), END],
    "ratings": [*SAID, *(said(text, promptFeedback={"safetyRatings": []}) for text in TEXTS), END],
    "blocked": [*SAID, f"data: {json.dumps({'promptFeedback': {'blockReason': 'SAFETY'}})}\r\n\r\n"],
    "two candidates": [*SAID, said("x").replace('"candidates": [', '"candidates": [{"index": 1},'), *SAID, END],
    "a comment": [*SAID, ": hm\r\n\r\n", *SAID, END],
    "line separators in a word": [*SAID, said("a\u2028b"), said("\x85"), *SAID, END],
    "a word now and then said again": [*[said(text) for text in ("same", "same", "a", "b") * 30], END],
    "the same again and again": [*[said("same", number) for number in range(130)], END],
    "the same again and again, later": [*SAID, *[said("same", number) for number in range(130)], END],
    "the same, interrupted": [
        *[said("same")] * 49,
        said("x"),
        *[said("same")] * 49,
        gemini(CALL),
        *[said("same")] * 49,
        END,
    ],
    "the same with other usage": [*[said("same")] * 49, *[said("same", None)] * 60, END],
    "the same in other forms": [*[said("same")] * 30, *[said("same", None), *[said("same")] * 30] * 3, END],
    "the same at last": [*[said("same")] * 60, said("same", end="STOP")],
    "an error after words": [
        *SAID,
        f"data: {json.dumps({'error': {'code': 429, 'message': 'much', 'status': 'X'}})}\r\n\r\n",
    ],
    "no json": [*SAID, "data: {oops\r\n\r\n", *SAID, END],
    "an event in two lines": [*SAID, said("torn").replace(', "', ',\r\ndata: "', 1), *SAID, END],
    "truncated after words": SAID,
    "truncated in a word": [*SAID, SAID[0][:-9]],
    "cut after words": [*SAID, CUT],
    "words after the reason to stop": [*SAID, END, said("late"), said("later")],
    "two reasons to stop": [*SAID, END, END],
    "usage behind the reason": [*SAID, END, f"data: {json.dumps({'usageMetadata': tokens(30)})}\r\n\r\n"],
    "words about reasons": [*SAID, said('"finishReason"'), said("finishReason"), *SAID, END],
}


def plain(text: str) -> str:
    for name, value in (("created", r"\d+"), ("id", r'"(chatcmpl-|call_)[^"]+"'), ("cost", r"[\d.e-]+")):
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


@pytest.mark.parametrize("with_usage", [False, True])
async def test_a_chat_of_geminis_reads_as_litellm_would_have_written_it(with_usage: bool) -> None:
    asked = {"stream_options": {"include_usage": True}} if with_usage else {}
    fast, slow = await both(chat("gemini-2.5-pro", stream=True, **asked), GEMINI)
    assert fast == slow


async def test_pieces_that_tear_lines_apart_change_nothing() -> None:
    data = "".join(STREAMS["a tool between words"]).encode()
    torn = {str(size): [data[i : i + size] for i in range(0, len(data), size)] for size in (3, 50)}
    fast, slow = await both(chat("claude-sonnet-4-5", stream=True), torn)
    assert fast == slow and fast["3"] == fast["50"] and fast["3"].startswith("200")


@pytest.mark.parametrize(
    ("model", "stream", "lines"),
    [
        ("claude-sonnet-4-5", [START, BLOCK, *[word(str(number)) for number in range(200)], ENDS], 3),
        ("gemini-2.5-pro", [*(said(str(number), number + 1) for number in range(200)), END], 1),
        ("gemini-2.5-pro", [*[said("same")] * 90, *[said("other")] * 90, *[said("same")] * 20, END], 1),
    ],
)
async def test_litellm_makes_no_object_of_words_that_follow_on_words(
    model: str, stream: list[Any], lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    created = CustomStreamWrapper.chunk_creator

    def creating(self: Any, chunk: Any) -> Any:
        seen.append(chunk)
        return created(self, chunk)

    monkeypatch.setattr(CustomStreamWrapper, "chunk_creator", creating)
    await both(chat(model, stream=True), {"many": stream})
    slow = 200 * lines
    assert slow < len(seen) < slow + 40  # the fast way had LiteLLM translate the beginning and the end
