"""Streams of Anthropic's that LiteLLM translates into a chat's: it translates all but words that follow on words.

For each line of such a stream LiteLLM makes objects, 0.3 ms, and three lines are an event (1.106.2). What it makes of a
word is the same each time but for the word: two of its own events that agree are the form of those that come next.

LiteLLM reads what `_Feed` gives it, one line after the other, and waits meanwhile. It never gets lines that it makes
nothing of (the names of events, the blank ones), nor words that are told without it. It has no other use for those: for
`tap_of` asks that nobody reads them beside the client, and that no fallback goes on where they end. From a reason to
stop on it gets every line: with the next one, be it blank, LiteLLM tells the reason, and has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import anyio
import litellm
import orjson
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper

from sdk_proxy.accounts import nobody_reads
from sdk_proxy.call import Call
from sdk_proxy.same_format import closed
from sdk_proxy.tap import Tap

_DATA, _NAME = b"data: ", b"event: "
_ENDING = b"message_delta"
_LONG = 2  # characters: LiteLLM ends a stream that says something longer again and again


def tap_of(call: Call, response: Any, taps: Sequence[Tap], router: Any) -> Tap | None:
    """The upstream's own stream, if LiteLLM need not see all of it."""
    if call.route_type != "acompletion" or len(taps) != 1 or not nobody_reads(router):
        return None
    translated = isinstance(response, CustomStreamWrapper) and response.custom_llm_provider == "anthropic"
    if not translated or router._anthropic_messages_stream_can_fall_back(call.data["model"], call.data):
        return None
    return taps[0]


async def chat(tap: Tap, response: Any, slow: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """What `slow`, LiteLLM's way with its `response`, would give, event by event."""
    feed, form, lines = _Feed(), _Form(), _lines(tap)
    tap.lead(feed)
    event = asyncio.ensure_future(anext(slow))
    try:
        while True:
            await asyncio.wait((event, feed.wanted), return_when=asyncio.FIRST_COMPLETED)
            if event.done():
                told = event.result()
                event = asyncio.ensure_future(anext(slow))
                if form.shows(told):
                    yield told
                continue
            try:
                while (due := form.due()) is None:
                    words = form.filled(await anext(lines))
                    if words is not None:
                        yield words
                feed.give(due)
            except StopAsyncIteration:
                feed.give(b"")
            except Exception as error:  # noqa: BLE001 - whatever the transport raises: LiteLLM meets it as well
                feed.fail(error)
    except StopAsyncIteration:
        return
    finally:
        event.cancel()
        with anyio.CancelScope(shield=True), suppress(BaseException):
            await event
        await closed(tap, slow, response)


async def _lines(tap: Tap) -> AsyncIterator[bytes]:
    """With their ends; the last one may have none."""
    rest, over = b"", False
    while piece := await tap.read(keep=False):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            over = over or _ENDING in line
            if over or (line and not line.startswith(_NAME)):
                yield line + b"\n"
    if rest:
        yield rest


class _Feed:
    """An upstream's stream, line by line; `wanted` is done when LiteLLM waits for one."""

    def __init__(self) -> None:
        self.wanted: asyncio.Future[None] = _future()
        self._line: asyncio.Future[bytes] = _future()

    def give(self, line: bytes) -> None:
        """b"": there is no other."""
        self.wanted = _future()
        self._line.set_result(line)

    def fail(self, error: Exception) -> None:
        self.wanted = _future()
        self._line.set_exception(error)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.wanted.set_result(None)
        while line := await self._line:
            self._line = _future()
            yield line
            self.wanted.set_result(None)


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


class _Form:
    """What LiteLLM makes of words: known once two of its events agree, until something else comes."""

    def __init__(self) -> None:
        self._form: tuple[bytes, bytes] | None = None
        self._known = self._over = False
        self._due: list[tuple[bytes, bytes | None]] = []  # lines for LiteLLM, and the event that was shown of each
        self._asked: str | None = None  # the words that it has now
        self._told: list[bytes] = []  # what it made of them
        self._shown: bytes | None = None
        self._last, self._repeated, self._unseen = "", 0, 0  # the last words; how often; how often without LiteLLM

    def filled(self, line: bytes) -> bytes | None:
        """The event; None: its line is due to LiteLLM."""
        self._settle()
        self._over = self._over or _ENDING in line
        words = None if self._over else _words(line)
        if words is None:
            if b'"ping"' not in line:
                self._known, self._last, self._unseen = False, "", 0
            self._due.append((line, None))
            return None
        if words != self._last or len(words) <= _LONG:
            self._last, self._repeated, self._unseen = words, 0, 0
        self._repeated += 1
        event = self._form[0] + orjson.dumps(words) + self._form[1] if self._known and self._form else None
        if event is not None and self._repeated < litellm.REPEATED_STREAMING_CHUNK_LIMIT:
            self._unseen += 1
            return event
        # LiteLLM ends a stream that says the same again and again (CustomStreamWrapper.raise_on_model_repetition).
        self._due += [(line, event)] * self._unseen
        self._due.append((line, None))
        self._unseen = 0
        return None

    def due(self) -> bytes | None:
        if not self._due:
            return None
        self._settle()
        line, self._shown = self._due.pop(0)
        self._asked = _words(line)
        return line

    def shows(self, told: Any) -> bool:
        """Not what was shown already."""
        self._told.append(told.encode() if isinstance(told, str) else told)
        return self._told[-1] != self._shown

    def _settle(self) -> None:
        """LiteLLM has made all that it makes of the last line."""
        told, self._told = self._told, []
        words, self._asked = self._asked, None
        if words is None:
            if told:
                self._known = False
            return
        parts = told[0].split(orjson.dumps(words)) if len(told) == 1 else []
        form = (parts[0], parts[1]) if len(parts) == 2 else None
        self._known = form is not None and form == self._form
        self._form = form


def _words(line: bytes) -> str | None:
    """Of an event that has nothing else, in the form that Anthropic sends."""
    if not line.startswith(_DATA) or b"text_delta" not in line:
        return None
    try:
        event = orjson.loads(line[len(_DATA) :])
    except ValueError:
        return None
    match event:
        case {
            "type": "content_block_delta",
            "index": int(),
            "delta": {"type": "text_delta", "text": str(words), **more},
            **others,
        }:
            plain = words and not more and not others and len(line.decode().splitlines()) == 1
            return words if plain else None
    return None
