"""Smaller regressions of a stream: one value in one event, one field of its framing, a pause, an event held back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import count

from harness.event_stream import ServerEvent, encode
from harness.sabotage.mutation import Mutation, Pieces, delayed, dropped, each, ending, events, pieces, replaced
from harness.sabotage.sabotage import Sabotage

_MESSAGES, _CHAT, _TOOLS = "curl/messages-stream", "curl/chat-openai-stream", "curl/messages-tools-stream"
_CHAT_TOOLS, _THOUGHT, _USAGE = (
    "curl/chat-openai-tools-stream",
    "curl/messages-thinking-stream",
    "curl/chat-openai-stream-usage",
)
_UTF8, _COMMENTS = "curl/messages-stream-utf8", "curl/stream-crlf-comments-unknown-events"
_ONE_BY_ONE = "curl/chat-openai-stream-one-by-one"
Numbered = AsyncIterator[tuple[int, bytes]]


def _stream(name: str, sense: str, scenario: str, mutation: Mutation) -> Sabotage:
    return Sabotage(name, sense, scenario, mutation=mutation)


def _in_one(chosen: int, pattern: bytes, by: bytes) -> Mutation:
    """In that event, and in no other."""
    return events(lambda number, event: [re.sub(pattern, by, event.raw) if number == chosen else event.raw])


def _in_those_that_say(text: str, pattern: bytes, by: bytes) -> Mutation:
    return events(lambda _, event: [re.sub(pattern, by, event.raw) if text in event.data else event.raw])


async def _first_with_the_second(numbered: Numbered) -> Pieces:
    kept = b""
    async for number, raw in numbered:
        if number == 0:
            kept = raw
        else:
            yield kept + raw
            kept = b""


async def _each_with_the_next(numbered: Numbered) -> Pieces:
    """Every event waits until the one behind it is there."""
    kept = b""
    async for _, raw in numbered:
        if kept:
            yield kept
        kept = raw
    yield kept


async def _last_one_late(numbered: Numbered) -> Pieces:
    async for _, raw in numbered:
        if b"message_stop" in raw:
            await asyncio.sleep(2.0)
        yield raw


def _held_back_after(size: int) -> Mutation:
    """Passes so many bytes on as they come, and the rest at the end of the stream."""

    async def body(source: Pieces) -> Pieces:
        passed, kept = 0, list[bytes]()
        async for piece in source:
            passed += len(piece)
            if passed <= size:
                yield piece
            else:
                kept.append(piece)
        for piece in kept:
            yield piece

    return Mutation(body=body)


def _late_on_every_tenth() -> Mutation:
    """Of ten answers the last begins two seconds late."""
    numbers = count(1)

    async def body(source: Pieces) -> Pieces:
        seconds = 0.0 if next(numbers) % 10 else 2.0
        async for piece in source:
            await asyncio.sleep(seconds)
            seconds = 0.0
            yield piece

    return Mutation(body=body)


def _split(number: int, event: ServerEvent) -> list[bytes]:
    """The text of one delta in two."""
    found = re.search(rb'"text":\s?"(..)([^"]+)"', event.raw) if number == 4 else None
    if not found:
        return [event.raw]
    begin, end = found.span(2)
    return [event.raw[:begin] + event.raw[end:], event.raw[: found.start(1)] + event.raw[begin:]]


def _with_an_id(number: int, event: ServerEvent) -> list[bytes]:
    return [b"id: %d\n" % number + event.raw]


def _with_a_retry(number: int, event: ServerEvent) -> list[bytes]:
    return [b"retry: 1000\n" + event.raw if number == 0 else event.raw]


def _data_first(_: int, event: ServerEvent) -> list[bytes]:
    return [b"data: %b\nevent: %b\n\n" % (event.data.encode(), event.event.encode())]


EVENTS = (
    _stream(
        "a tool's call has another's index",
        "message",
        _CHAT_TOOLS,
        replaced(rb'("type":\s?"function",\s?"index":\s?)1', rb"\g<1>2"),
    ),
    _stream(
        "arguments go to the call before",
        "message",
        _CHAT_TOOLS,
        _in_those_that_say('y\\":\\"Z', rb'("index":\s?)1', rb"\g<1>0"),
    ),
    _stream(
        "the last chunk says stop for a tool's call",
        "message",
        _CHAT_TOOLS,
        replaced(rb'"finish_reason":\s?"tool_calls"', b'"finish_reason":"stop"'),
    ),
    _stream(
        "blocks are counted from one",
        "events",
        _TOOLS,
        replaced(rb'("type":\s?"content_block_[a-z]+",\s?"index":\s?)(\d)', rb"\g<1>1\2"),
    ),
    _stream(
        "input tokens are zeroed at the start",
        "events",
        _MESSAGES,
        _in_those_that_say('"message_start"', rb'("input_tokens":\s?)\d+', rb"\g<1>0"),
    ),
    _stream(
        "output tokens are counted twice", "message", _MESSAGES, replaced(rb'("output_tokens":\s?)34', rb"\g<1>68")
    ),
    _stream("usage is wrong in a stream alone", "message", _USAGE, replaced(rb'("total_tokens":\s?)29', rb"\g<1>19")),
    _stream(
        "reasoning tokens are lost in a stream",
        "message",
        _USAGE,
        replaced(rb',?\s?"completion_tokens_details":\s?\{[^}]*\}', b""),
    ),
    _stream(
        "the last event names another model",
        "events",
        _USAGE,
        _in_those_that_say('"prompt_tokens"', rb'("model":\s?")[^"]+', rb"\g<1>gpt-5-2025-08-07"),
    ),
    _stream(
        "the system's fingerprint is lost in a stream",
        "message",
        _CHAT,
        replaced(rb'"system_fingerprint":\s?"[^"]+"', b'"system_fingerprint":null'),
    ),
    _stream("a signature is altered by a letter", "message", _THOUGHT, replaced(b"EqQBCkYI", b"EqQBCkYJ")),
    _stream("a redacted thought is altered", "message", _THOUGHT, replaced(b"EmwKAhgB", b"EmwKAhgC")),
    _stream(
        "an error in mid-stream loses its type",
        "events",
        "curl/messages-stream-error-event",
        replaced(rb'"overloaded_error"', b'"api_error"'),
    ),
    _stream("a delta is cut in two", "events", _UTF8, events(_split)),
    _stream(
        "an empty delta is put in",
        "events",
        _CHAT,
        events(lambda n, e: [e.raw, re.sub(rb'("content":\s?")[^"]+', rb"\1", e.raw)] if n == 2 else [e.raw]),
    ),
    _stream(
        "a ping is invented",
        "events",
        _MESSAGES,
        events(lambda n, e: [encode('{"type": "ping"}', "ping"), e.raw] if n == 6 else [e.raw]),
    ),
    _stream(
        "the role is in each chunk",
        "events",
        _CHAT,
        replaced(rb'("delta":\s?\{)("content")', rb'\1"role":"assistant",\2'),
    ),
    _stream("chunks have times of their own", "events", _CHAT, _in_one(3, rb'("created":\s?)\d+', rb"\g<1>1760000001")),
    _stream(
        "a choice's index is another",
        "message",
        "openai-python/several-choices-streamed",
        replaced(rb'("index":\s?)1', rb"\g<1>0"),
    ),
    _stream(
        "a new kind of event is left out", "events", _COMMENTS, dropped(lambda _, event: event.event == "something_new")
    ),
    _stream("a skin's tone is lost", "message", _UTF8, replaced("🏽".encode(), b"")),
    _stream("a leading blank is lost", "message", _MESSAGES, replaced(rb'"text":\s?" ', b'"text":"')),
    _stream(
        "a tool's call begins with its arguments", "grammar", _CHAT_TOOLS, replaced(rb'"id":\s?"call_[^"]+",\s?', b"")
    ),
)

ENDS = (
    _stream("[DONE] is said twice", "events", _CHAT, ending(encode("[DONE]"))),
    _stream("a stop sequence is lost", "events", _MESSAGES, replaced(rb',\s?"stop_sequence":\s?null\}', b"}")),
)

FRAMING = (
    _stream("events get ids", "events", _CHAT, events(_with_an_id)),
    _stream("a retry is put in", "events", _MESSAGES, events(_with_a_retry)),
    _stream("an event's data comes before its name", "stream framing", _MESSAGES, events(_data_first)),
    _stream("a comment is lost", "stream framing", _COMMENTS, dropped(lambda _, event: bool(event.comments))),
    _stream("blank lines too many", "stream framing", _CHAT, pieces(lambda piece: [piece + b"\n"])),
    _stream(
        "several data lines become one",
        "stream framing",
        "curl/messages-stream-several-data-lines",
        replaced(rb",\ndata: ", b","),
    ),
)

ARRIVAL = (
    _stream("the first event waits for the second", "buffering", _ONE_BY_ONE, each(_first_with_the_second)),
    _stream("each event waits for the next", "buffering", _ONE_BY_ONE, each(_each_with_the_next)),
    _stream("the last event is two seconds late", "lateness", _MESSAGES, each(_last_one_late)),
    _stream(
        "a stall of two seconds in mid-stream", "lateness", _MESSAGES, delayed(2.0, lambda piece: b"today" in piece)
    ),
    _stream("the first event is two seconds late", "lateness", _CHAT, delayed(2.0, lambda piece: b'"role"' in piece)),
    _stream("each event is a third of a second late", "lateness", _UTF8, delayed(0.33)),
)

HELD_BACK = tuple(
    _stream(f"a stream of {what} is held back after {size} kB", "buffering", f"curl/{scenario}-long-stream", held)
    for what, scenario, size in (
        ("Claude's", "messages", 24),
        ("messages from GPT", "messages-openai", 20),
        ("messages from Gemini", "messages-gemini", 24),
        ("chat", "chat-openai", 36),
        ("chat with Claude", "chat-anthropic", 20),
        ("chat with Gemini", "chat-gemini", 20),
        ("a response", "responses-openai", 30),
        ("a response of Claude's", "responses-anthropic", 30),
        ("a completion", "completions", 30),
    )
    for held in [_held_back_after(size * 1000)]
)

NOW_AND_THEN = tuple(
    _stream(
        f"every tenth stream is late, {what}", "late streams", f"curl/{scenario}-twelve-streams", _late_on_every_tenth()
    )
    for what, scenario in (
        ("of messages", "messages"),
        ("of chat", "chat"),
        ("of responses", "responses"),
        ("of completions", "completions"),
    )
)
