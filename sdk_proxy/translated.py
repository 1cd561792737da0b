"""Streams of Anthropic's and Gemini's that LiteLLM translates into a chat's: all but words that follow on words.

For each line of Anthropic's LiteLLM makes objects, 0.3 ms, and three lines are an event; for one of Gemini's 1 ms
(1.106.2). What it makes of a word is the same each time but for the word: two of its own events that agree are the form
of those that come next.

LiteLLM reads what `_Feed` gives it, one line after the other, and waits meanwhile. It never gets lines that it makes
nothing of (the names of events, the blank ones), nor words that are told without it. It has no other use for those: for
`provider_of` asks that nobody reads them beside the client, and that no fallback goes on where they end. From a reason
to stop on it gets every line: with the next one, be it blank, LiteLLM tells the reason, and has ended. Gemini says with
each word what has been used so far: the last of those that were told without LiteLLM is what it gets before anything
else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
_BLANK = (b"", b"\r")
_USAGE = re.compile(rb'"usage(?:Metadata)?" ?: ?\{ ?"')
_LONG = 2  # characters: LiteLLM ends a stream that says something longer again and again


@dataclass(frozen=True, slots=True)
class Provider:
    """`words`: of a line that says nothing else of its own, with all that LiteLLM may tell besides. `ending`: what a
    reason to stop is called. `ping`: what is in a line that says nothing."""

    words: Callable[[bytes], tuple[str, Any] | None]
    ending: bytes
    ping: bytes | None = None


def provider_of(call: Call, response: Any, taps: Sequence[Tap], router: Any) -> Provider | None:
    """None: LiteLLM has to see all of its stream, which is the only one of `taps` otherwise."""
    if call.route_type != "acompletion" or len(taps) != 1 or not nobody_reads(router):
        return None
    if not isinstance(response, CustomStreamWrapper) or response.custom_llm_provider not in PROVIDERS:
        return None
    if router._anthropic_messages_stream_can_fall_back(call.data["model"], call.data):
        return None
    return PROVIDERS[response.custom_llm_provider]


async def chat(
    tap: Tap, provider: Provider, response: Any, slow: AsyncGenerator[Any, None]
) -> AsyncGenerator[Any, None]:
    """What `slow`, LiteLLM's way with its `response`, would give, event by event."""
    feed, form, lines = _Feed(), _Form(provider), _lines(tap, provider.ending)
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


async def _lines(tap: Tap, ending: bytes) -> AsyncIterator[bytes]:
    """With their ends; the last one may have none."""
    rest, over = b"", False
    while piece := await tap.read(keep=False):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            over = over or ending in line
            if over or not (line in _BLANK or line.startswith(_NAME)):
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
    """What LiteLLM makes of words: known once two of its events agree, until something else comes.

    A line of the same form as the last two is not given to LiteLLM; the last such one is, before anything else. And all
    of a row of the same words where there may be so many that it ends the stream for it
    (CustomStreamWrapper.raise_on_model_repetition).
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._limit = litellm.REPEATED_STREAMING_CHUNK_LIMIT - 1  # the next line may be the last
        self._form: tuple[bytes, bytes, Any] | None = None  # what is before the words, what is behind them, and of what
        self._known = self._over = self._counted = False
        self._due: list[tuple[bytes, bytes | None]] = []  # lines for LiteLLM, and the event that was shown of each
        self._asked: tuple[str, Any] | None = None  # the words that it has now, and what they came with
        self._told: list[bytes] = []  # what it made of them
        self._shown: bytes | None = None
        self._last, self._repeated, self._unseen = "", 0, 0  # the last words; how often; how often without LiteLLM
        self._seen = ""  # the last words that LiteLLM was given
        self._hidden: tuple[bytes, bytes] | None = None  # the last line, if it was not given that one, and its event
        self._before: tuple[bytes, bytes] | None = None  # the last one of other words, if it was not given that one
        self._same = (b"", b"")  # the last line that was told without it, and its event

    def filled(self, line: bytes) -> bytes | None:
        """The event; None: its line is due to LiteLLM."""
        if self._told or self._asked:
            self._settle()
        self._over = self._over or self._provider.ending in line
        said = None if self._over else self._provider.words(line)
        if said is None:
            self._see(line)
            return None
        words, rest = said
        if words != self._last or len(words) <= _LONG:
            self._last, self._repeated, self._unseen, self._before = words, 0, 0, self._hidden
        self._repeated += 1
        form = self._form
        if not self._known or form is None or form[2] != rest or self._repeated >= self._limit:
            self._see(line)
            return None
        self._unseen += 1
        event = form[0] + orjson.dumps(words) + form[1]
        self._hidden = self._same = (line, event)
        return event

    def due(self) -> bytes | None:
        if self._told or self._asked:
            self._settle()
        if not self._due:
            return None
        line, self._shown = self._due.pop(0)
        self._counted = self._counted or _USAGE.search(line) is not None
        self._asked = self._provider.words(line)
        self._seen = self._asked[0] if self._asked else ""
        if self._asked is None and not (self._provider.ping and self._provider.ping in line):
            self._known = False
        return line

    def shows(self, told: Any) -> bool:
        """Not what was shown already."""
        self._told.append(told.encode() if isinstance(told, str) else told)
        return self._told[-1] != self._shown

    def _see(self, line: bytes) -> None:
        given = [self._hidden] if self._hidden else []
        if self._repeated >= self._limit:
            given = [self._same] * self._unseen
        if given and self._before and self._before not in given and self._words(given[0]) == self._seen:
            self._due.append(self._before)  # not in a row
        self._due += given
        self._due.append((line, None))
        self._unseen = max(0, self._unseen - len(given))
        self._hidden = self._before = None

    def _words(self, given: tuple[bytes, bytes]) -> str:
        said = self._provider.words(given[0])
        return said[0] if said else ""

    def _settle(self) -> None:
        """LiteLLM has made all that it makes of the last line.

        No form is known before it was told of some usage: without any it counts the words.
        """
        told, self._told = self._told, []
        asked, self._asked = self._asked, None
        if told and self._shown is None:
            self._go_on(told, asked is not None)
        if asked is None:
            if told:
                self._known = False
            return
        parts = told[0].split(orjson.dumps(asked[0])) if len(told) == 1 else []
        form = (parts[0], parts[1], asked[1]) if len(parts) == 2 else None
        self._known = form is not None and form == self._form and self._counted
        self._form = form

    def _go_on(self, told: list[bytes], counted: bool) -> None:
        """The same words in another form are more of their row, of which LiteLLM has to see all then."""
        again = bool(self._last) and orjson.dumps(self._last) in told[-1]
        if not again:
            self._last = ""
        elif not self._over:
            self._due[:0] = [self._same] * self._unseen
            self._repeated += not counted
        self._unseen = 0


# --- what a line says ------------------------------------------------------------------------------------------------


def _of_anthropic(line: bytes) -> tuple[str, Any] | None:
    match _event(line, b"text_delta"):
        case {
            "type": "content_block_delta",
            "index": int(index),
            "delta": {"type": "text_delta", "text": str(words), **more},
            **others,
        }:
            return (words, index) if words and type(index) is int and not more and not others else None
    return None


def _of_gemini(line: bytes) -> tuple[str, Any] | None:
    """Of one candidate in one part, with usage: where there is none LiteLLM counts the words, and thoughts always."""
    match _event(line, b"usageMetadata"):
        case {
            "candidates": [{"content": {"parts": [{"text": str(words), **part}], **content}, **candidate}],
            "usageMetadata": dict(usage),
            **more,
        }:
            usual = not part and all(map(_USUAL.issuperset, (content, candidate, more)))
            form = _form_of_usage(usage)
            return (words, (content, candidate, more, form)) if words and usual and form is not _UNUSUAL else None
    return None


def _event(line: bytes, has: bytes) -> Any:
    if not line.startswith(_DATA) or has not in line:
        return None
    try:
        return orjson.loads(line[len(_DATA) :])
    except ValueError:
        return None


def _form_of_usage(usage: Any) -> Any:
    """Equal for two of which LiteLLM keeps the later one: it looks at what is there, and passes over zeros."""
    if isinstance(usage, str):
        return usage
    if type(usage) is int and usage >= 0:
        return usage > 0
    if isinstance(usage, list):
        forms: Any = [_form_of_usage(each) for each in usage]
        return _UNUSUAL if _UNUSUAL in forms else forms
    if isinstance(usage, dict):
        forms = {name: _form_of_usage(each) for name, each in usage.items()}
        return _UNUSUAL if _UNUSUAL in forms.values() else forms
    return _UNUSUAL


_UNUSUAL = object()
_USUAL = frozenset(("role", "index", "modelVersion", "responseId"))
PROVIDERS = {
    "anthropic": Provider(_of_anthropic, b"message_delta", ping=b'"ping"'),
    "vertex_ai_beta": Provider(_of_gemini, b"finishReason"),  # what LiteLLM's streams of Gemini's are called
}
