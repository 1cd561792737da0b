"""Regressions of what the client sees of a stream: its events, what they add up to, when they come, how it ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import count

from harness.event_stream import ServerEvent, encode
from harness.sabotage.mutation import Closed, Mutation, Pieces, dropped, each, ending, events, pieces, replaced
from harness.sabotage.sabotage import Sabotage

_MESSAGES, _CHAT, _TOOLS = "curl/messages-stream", "curl/chat-openai-stream", "curl/messages-tools-stream"
Numbered = AsyncIterator[tuple[int, bytes]]


def _is(kind: str) -> Mutation:
    return dropped(lambda _, event: event.event == kind)


def _says(text: str) -> Mutation:
    return dropped(lambda _, event: text in event.data)


def _doubled(number: int, event: ServerEvent) -> list[bytes]:
    return [event.raw, event.raw] if number == 4 else [event.raw]


def _id_of_its_own(number: int, event: ServerEvent) -> list[bytes]:
    return [re.sub(rb'"id":\s?"chatcmpl-', b'"id":"chatcmpl-%d' % number, event.raw)]


def _cut_in_a_letter(piece: bytes) -> list[bytes]:
    """Before the last byte of the first letter that has several."""
    place = next((i for i, byte in enumerate(piece) if byte >= 0xC0), None)
    return [piece] if place is None else [piece[: place + 1], piece[place + 1 :]]


def _halved(piece: bytes) -> list[bytes]:
    return [piece[: len(piece) // 2], piece[len(piece) // 2 :]]


async def _held(numbered: Numbered) -> Pieces:
    """One event comes late, and those behind it with it."""
    async for number, raw in numbered:
        if number == 3:
            await asyncio.sleep(2.0)
        yield raw


async def _buffered(numbered: Numbered) -> Pieces:
    for raw in [raw async for _, raw in numbered]:
        yield raw


async def _in_fours(numbered: Numbered) -> Pieces:
    kept: list[bytes] = []
    async for _, raw in numbered:
        kept.append(raw)
        if len(kept) == 4:
            for one in kept:
                yield one
            kept.clear()
    for one in kept:
        yield one


async def _exchanged(numbered: Numbered) -> Pieces:
    """The fifth after the sixth."""
    kept = b""
    async for number, raw in numbered:
        if number == 4:
            kept = raw
        else:
            yield raw
            if number == 5:
                yield kept


async def _merged(numbered: Numbered) -> Pieces:
    """The texts of two deltas in one."""
    kept = b""
    async for number, raw in numbered:
        if number == 4:
            kept = raw
        elif number == 5:
            text = re.search(rb'"text":\s?"([^"]*)"', kept)
            yield re.sub(rb'("text":\s?")', rb"\1" + (text[1] if text else b""), raw)
        else:
            yield raw


async def _cut_after_four(numbered: Numbered) -> Pieces:
    async for number, raw in numbered:
        yield raw
        if number == 3:
            raise Closed


async def _ended_after_four(numbered: Numbered) -> Pieces:
    async for number, raw in numbered:
        if number < 4:
            yield raw


def _without_names(_: int, event: ServerEvent) -> list[bytes]:
    return [encode(event.data)]


def _by_crlf(piece: bytes) -> list[bytes]:
    return [piece.replace(b"\n", b"\r\n")]


def _commented(number: int, event: ServerEvent) -> list[bytes]:
    return [b": keep-alive\n\n" + event.raw] if number == 3 else [event.raw]


def _no_error(_: int, event: ServerEvent) -> list[bytes]:
    """The half of an answer is told as the whole of one."""
    if '"error"' not in event.data:
        return [event.raw]
    end = '{"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
    return [encode(end), encode("[DONE]")]


def _same_id() -> Mutation:
    return replaced(rb'"id":\s?"msg_[^"]+"', b'"id":"msg_the_same"')


def _numbered_anew() -> Mutation:
    numbers = count()
    return pieces(lambda piece: [re.sub(rb'("id":\s?"toolu_)', rb"\g<1>%d" % next(numbers), piece)])


def _stream(name: str, sense: str, scenario: str, mutation: Mutation) -> Sabotage:
    return Sabotage(name, sense, scenario, mutation=mutation)


EVENTS = (
    _stream("a ping is lost", "events", _MESSAGES, _is("ping")),
    _stream("a delta is lost", "message", _MESSAGES, dropped(lambda number, _: number == 4)),
    _stream("an event is sent twice", "message", _MESSAGES, events(_doubled)),
    _stream("two deltas are merged", "events", _MESSAGES, each(_merged)),
    _stream("two deltas change places", "message", _MESSAGES, each(_exchanged)),
    _stream("a block begins twice", "grammar", _MESSAGES, events(lambda n, e: [e.raw] * (2 if n == 2 else 1))),
    _stream("a block's beginning is lost", "grammar", _TOOLS, _says('"content_block_start"')),
    _stream("a block's end is lost", "grammar", _TOOLS, _is("content_block_stop")),
    _stream("message_start is lost", "grammar", _MESSAGES, _is("message_start")),
    _stream("events lose their names", "events", _MESSAGES, events(_without_names)),
    _stream("the role is lost", "grammar", _CHAT, dropped(lambda number, _: number == 0)),
    _stream("an id is another in each chunk", "grammar", _CHAT, events(_id_of_its_own)),
    _stream("all answers have the same id", "events", "claude-code/tool-loop", _same_id()),
    _stream("a tool call's id changes on its way", "message", _TOOLS, _numbered_anew()),
    _stream("a tool's arguments are cut", "message", _TOOLS, replaced(rb'("partial_json":\s?")Paris', rb"\1")),
    _stream(
        "a tool's name is changed", "message", "curl/chat-openai-tools-stream", replaced(b"get_weather", b"weather")
    ),
    _stream("a thought's signature is lost", "message", "curl/messages-thinking-stream", _says('"signature_delta"')),
    _stream(
        "a thought is lost",
        "message",
        "curl/chat-anthropic-thinking-stream",
        replaced(rb'"reasoning_content":\s?"[^"]+"', b'"reasoning_content":""'),
    ),
    _stream(
        "letters are broken", "message", "curl/messages-stream-utf8", pieces(lambda p: [p.replace(b"\xc3", b"\xc2")])
    ),
    _stream("a stop reason is changed", "message", _MESSAGES, replaced(rb'"end_turn"', b'"max_tokens"')),
    _stream("usage is zeroed in a stream", "message", _MESSAGES, replaced(rb'("output_tokens":\s?)\d+', rb"\g<1>0")),
    _stream(
        "a stream counts other tokens than a whole answer",
        "usage parity",
        "curl/cookie-comes-back",
        replaced(rb'(event: message_delta\s.*"input_tokens":\s?)\d+', rb"\g<1>0"),
    ),
    _stream("the usage chunk is lost", "message", "curl/chat-openai-stream-usage", _says('"prompt_tokens"')),
    _stream(
        "the model's name leaks into a stream",
        "events",
        "pycharm/with-memory",
        replaced(rb'"model":\s?"gpt-5-memory"', b'"model":"gpt-5"'),
    ),
)

ENDS = (
    _stream("[DONE] is lost", "end of the stream", _CHAT, _says("[DONE]")),
    _stream("[DONE] is invented", "end of the stream", _MESSAGES, ending(encode("[DONE]"))),
    _stream("message_stop is lost", "end of the stream", _MESSAGES, _is("message_stop")),
    _stream("a finish reason is invented", "must", "curl/chat-openai-stream-truncated", events(_no_error)),
    _stream("an error in mid-stream is lost", "end of the stream", "curl/messages-stream-error-event", _is("error")),
    _stream("a cut stream ends as if it were whole", "end of the stream", "curl/messages-stream-cut", _is("error")),
    _stream(
        "words before a truncated end are lost", "must", "curl/messages-stream-truncated", dropped(lambda n, _: n == 4)
    ),
    _stream("a stream is cut", "failure", _MESSAGES, each(_cut_after_four)),
    _stream("a stream ends early, in order", "end of the stream", _CHAT, each(_ended_after_four)),
    _stream("garbage follows the last event", "stream framing", _MESSAGES, ending(b"\r\n{}")),
)

FRAMING = (
    _stream("line ends are changed", "stream framing", _MESSAGES, pieces(_by_crlf)),
    _stream("a comment is put in", "stream framing", _MESSAGES, events(_commented)),
    _stream("the blank behind a colon is lost", "stream framing", _CHAT, replaced(rb"(?m)^data: ", b"data:")),
    _stream("letters are cut at chunk borders", "chunk borders", "curl/messages-stream-utf8", pieces(_cut_in_a_letter)),
    _stream("events are cut at chunk borders", "chunk borders", _CHAT, pieces(_halved)),
)

ARRIVAL = (
    _stream("a stream is buffered", "arrival", _MESSAGES, each(_buffered)),
    _stream("a chat's stream is buffered", "arrival", _CHAT, each(_buffered)),
    _stream("events come in fours", "arrival", "curl/messages-stream-utf8", each(_in_fours)),
    _stream("an event comes late", "arrival", "curl/messages-stream-utf8", each(_held)),
)
