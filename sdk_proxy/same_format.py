"""Streams of a provider that speaks the client's protocol: its events go on as they come.

LiteLLM has decided everything when such a stream begins: the deployment, the credentials, the request, the retries.
What it would do then, event by event, is build objects and write them out again (1.106.2: 0.6 ms for each of OpenAI's).
Here only what it changes is changed:

* of a chat: the name of the model, the time of its creation, the order of the keys, and nulls (`ChatEvents`);
* of Anthropic's messages: the name of the model, by LiteLLM's own AnthropicStreamModelRestamper (`streaming_utils`).

Whatever is not plain (an error, another kind of event, a broken or truncated stream) is LiteLLM's: it gets the stream
from its first byte, by the tap, and what the client has seen already is left out. So its retries, fallbacks and errors
are the binary path's. `stream_of` is the only door: it stays shut where somebody reads the events beside the client.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import anyio
import litellm
import orjson
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.llms.anthropic.pass_through.messages.streaming_iterator import AnthropicMessagesStreamingResponse
from litellm.router import (
    FallbackAwareAnthropicMessagesStream,
    _anthropic_stream_commits_now,
    _anthropic_stream_forwards_ping_live,
)

from sdk_proxy.accounts import nobody_reads, succeeded
from sdk_proxy.call import Call
from sdk_proxy.tap import Tap

DONE = b"data: [DONE]\n\n"
_TAIL_SECONDS = 0.5  # that an upstream gets to end its body after its last event, so that its connection can be kept
_NOT_PLAIN = re.compile(rb'"type"\s*:\s*"error"|"stop_reason"\s*:\s*"refusal"')
_DELTA, _ENDS_DELTA = b'"delta":{"content":"', b'"}'
_FORMS = 3  # to be tried: some providers write something else into each event
_WORDS = re.compile(rb'[^\x00-\x1f"\\\x7f]+')  # nothing that JSON writes in another way
_PADDING = re.compile(rb'(?<="obfuscation":")[A-Za-z0-9]+(?=")')
_CREATED = re.compile(rb'(\Adata: \{[^\[]*?"created":)\d+')  # of the event, before its choices
_ENDS = frozenset({"stop", "length", "tool_calls", "content_filter"})
_HEAD = frozenset({"id", "object", "created", "model", "service_tier", "system_fingerprint", "usage", "choices"})
# What the SDK of OpenAI, or CustomStreamWrapper, goes by, and is in no event of OpenAI's (1.106.2).
_MEANT = frozenset({"error", "citations", "provider_specific_fields"})
_TEXT = (str, type(None))
_COUNT = (int, type(None))
_CHOICE = frozenset({"index", "delta", "logprobs", "finish_reason"})


class Unusual(Exception):
    """An event that LiteLLM has to look at."""


def stream_of(call: Call, response: Any, taps: list[Tap], router: Any) -> Tap | None:
    """The upstream's own stream, if its events may go on as they come; None: they are LiteLLM's."""
    if len(taps) != 1 or not nobody_reads(router):
        return None
    if call.route_type == "acompletion":
        plain = isinstance(response, CustomStreamWrapper) and response.custom_llm_provider == "openai"
        plain = plain and not response.merge_reasoning_content_in_choices and not call.data.get("functions")
    elif call.route_type == "anthropic_messages":
        plain = isinstance(response, FallbackAwareAnthropicMessagesStream)
        plain = plain and type(response._source_iterator) is AnthropicMessagesStreamingResponse
        plain = plain and not litellm.include_cost_in_streaming_usage
    else:
        return None
    return taps[0] if plain else None


@dataclass(slots=True)
class Plain:
    """`events`: of the upstream's `tap`, in the form that the client gets; `first` comes before them. `deployment`: its
    id. `said`: a chat's."""

    tap: Tap
    deployment: Any
    events: AsyncIterator[bytes]
    said: ChatEvents | None = None
    first: bytes = b""

    @classmethod
    def of_messages(cls, tap: Tap, deployment: Any, committed: bool) -> Plain:
        return cls(tap, deployment, _plain_messages(tap, committed))

    @classmethod
    def of_chat(cls, tap: Tap, deployment: Any, model: str, tells_usage: bool) -> Plain:
        said = ChatEvents(model, tells_usage)
        return cls(tap, deployment, said.of(tap), said)

    async def begun(self) -> Plain:
        """With its first event here already. Raises Unusual, and what the transport raises."""
        first = await anext(self.events, None)
        if first is None:
            raise Unusual
        return replace(self, first=first)


async def messages(plain: Plain, router: Any, slow: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """What `slow`, LiteLLM's stream of Anthropic's messages, would give, piece by piece."""
    given = len(plain.first)
    try:
        with suppress(Exception):  # LiteLLM meets it as well
            if plain.first:
                yield plain.first
            async for piece in plain.events:
                given += len(piece)
                yield piece
            succeeded(router, plain.deployment)
            return
        async for piece in slow:
            left, given = piece[given:] if given else piece, max(0, given - len(piece))
            if left:
                yield left
    finally:
        await closed(plain.tap)


def commits_at_once(call: Call, router: Any) -> bool:
    """Whether LiteLLM would not try again, or elsewhere, however a stream begins."""
    may_try_again = router._anthropic_messages_stream_can_retry(call.data)
    return not (may_try_again or router._anthropic_messages_stream_can_fall_back(call.data["model"], call.data))


async def _plain_messages(tap: Tap, committed: bool) -> AsyncIterator[bytes]:
    """As router.py, _aanthropic_messages_streaming_iterator (1.106.2): nothing but pings goes out before content does,
    as long as another try may follow. Raises Unusual for an error, a refusal, and an end without message_stop."""
    held: list[bytes] = []
    tail = b""
    while piece := await tap.read():
        seen = tail + piece
        if _NOT_PLAIN.search(seen):
            raise Unusual
        tail = seen[-64:]
        if _anthropic_stream_forwards_ping_live(piece, committed):
            yield piece
            continue
        committed = committed or _anthropic_stream_commits_now(piece, committed, len(held))
        held.append(piece)
        if committed:
            for each in held:
                yield each
            held.clear()
    if b"message_stop" not in tail or held:
        raise Unusual


async def chat(plain: Plain, router: Any, slow: AsyncGenerator[Any, None], response: Any) -> AsyncGenerator[Any, None]:
    """What `slow`, LiteLLM's way with its `response`, would give, event by event."""
    tap, said = plain.tap, plain.said or ChatEvents("", tells_usage=False)
    try:
        with suppress(Exception):  # LiteLLM meets it as well
            if plain.first:
                yield plain.first
            async for event in plain.events:
                yield event
            if not said.tells_usage:
                succeeded(router, plain.deployment)
                yield DONE
                await _rest_of(tap)
                return
            tap.begin_again(said.summary)  # its usage is reckoned and priced by LiteLLM
            said.given = len(said.summary) - 2
        number = 0
        async for event in slow:
            number += 1
            if number > said.given:
                yield said.of_the_same_time(event)
    finally:
        await closed(tap, slow, response)


async def _rest_of(tap: Tap) -> None:
    """The client has everything: whatever still goes wrong is nobody's loss."""
    with suppress(Exception), anyio.move_on_after(_TAIL_SECONDS):
        while await tap.read():
            pass


async def closed(*streams: Any) -> None:
    """Also while the client's task is being cancelled: the connection to the provider ends with it."""
    with anyio.CancelScope(shield=True):
        for each in streams:
            await each.aclose()


class ChatEvents:
    """OpenAI's events of a chat in the form that LiteLLM's proxy gives them (1.106.2).

    It is CustomStreamWrapper's; where there is nothing but text, _fast_serialize_simple_model_response_stream's.
    """

    def __init__(self, model: str, tells_usage: bool) -> None:
        self.tells_usage = tells_usage
        self.given = 0
        self._summary: dict[str, bytes] = {}
        self._model = model
        self._created = 0
        self._last, self._repeated = "", 1
        self._ended = False
        self._form: _Form | None = None
        self._forms = _FORMS

    @property
    def summary(self) -> list[bytes]:
        """An event of each kind, the last, and the usage: what LiteLLM needs for the usage that it tells."""
        return [b"data: " + data + b"\n\n" for data in (*self._summary.values(), b"[DONE]")]

    async def of(self, tap: Tap) -> AsyncIterator[bytes]:
        """The client's events up to [DONE], which is not among them; those that came together go on together. Raises
        Unusual."""
        rest = b""
        while piece := await tap.read():
            *blocks, rest = (rest + piece).split(b"\n\n")
            told: list[bytes] = []
            try:
                is_done = self._read(blocks, told)
            except Exception:  # also what orjson cannot write: these events are counted as given
                if told:
                    yield b"".join(told)
                raise
            if told:
                yield b"".join(told)
            if is_done:
                return
        raise Unusual

    def _read(self, blocks: Sequence[bytes], told: list[bytes]) -> bool:
        """Whether [DONE] is among them. Raises Unusual, when what comes before is told."""
        for block in blocks:
            if not block.startswith(b"data: ") or b"\n" in block or b"\r" in block:
                raise Unusual
            data = block[6:]
            if data == b"[DONE]":
                if not self._ended or (self.tells_usage and "usage" not in self._summary):
                    raise Unusual
                return True
            event = self._told(data)
            if event is not None:
                self.given += 1
                told += (b"data: ", event, b"\n\n")
        return False

    def _told(self, data: bytes) -> bytes | None:
        known = self._form.told(data) if self._form is not None and not self._ended else None
        if known is not None:
            self._check_repetition(known[0])
            return known[1]
        try:
            chunk = orjson.loads(data)
        except ValueError:
            raise Unusual from None
        if not isinstance(chunk, dict) or chunk.get("object") != "chat.completion.chunk" or not chunk.get("id"):
            raise Unusual
        if not _MEANT.isdisjoint(chunk):
            raise Unusual
        choices = chunk.get("choices")
        if self._ended:
            if choices != [] or not _is_usage(chunk.get("usage")):
                raise Unusual
            self._summary["usage"] = data
            return None
        if chunk.get("usage") is not None or not isinstance(choices, list) or len(choices) != 1:
            raise Unusual
        if not chunk.keys() <= _HEAD:
            chunk = json.loads(data)  # a number that is too long for orjson would be a float; LiteLLM gets it then
        told = self._choice(choices[0])
        self._summary.setdefault(next(reversed(told["delta"]), "end"), data)
        event = orjson.dumps(self._head(chunk, told))
        if self._forms and told["delta"].get("content"):
            self._forms -= 1
            self._form = _Form.of(told["delta"]["content"], data, event)
        return event

    def _choice(self, choice: Any) -> dict[str, Any]:
        if not isinstance(choice, dict) or choice.get("index") != 0 or not choice.keys() <= _CHOICE:
            raise Unusual
        delta, end = choice.get("delta"), choice.get("finish_reason")
        if choice.get("logprobs") is not None or not isinstance(delta, dict) or type(choice["index"]) is not int:
            raise Unusual  # False and 0.0 are 0, too
        if end is None:
            return {"index": 0, "delta": self._delta(delta)}
        if delta or end not in _ENDS or not self._summary:
            raise Unusual
        self._ended = True
        return {"finish_reason": end, "index": 0, "delta": {}}

    def _delta(self, delta: dict[str, Any]) -> dict[str, Any]:
        if not self._summary:
            self._created = int(time.time())
            if delta.get("role") != "assistant" or not delta.keys() <= {"role", "content", "refusal"}:
                raise Unusual
            if delta.get("refusal") is not None or delta.get("content") not in ("", None):
                raise Unusual
            return {name: delta[name] for name in ("content", "role") if delta.get(name) is not None}
        match delta:
            case {"content": str(text), **rest} if text and not rest:
                self._check_repetition(text)
                return delta
            case {"tool_calls": [dict(tool)], **rest} if not rest:
                return {"tool_calls": [_tool(tool)]}
        raise Unusual

    def _check_repetition(self, text: str) -> None:
        """LiteLLM ends a stream that says the same again and again (CustomStreamWrapper.raise_on_model_repetition)."""
        self._repeated = self._repeated + 1 if text == self._last and len(text) > 2 else 1
        self._last = text
        if self._repeated >= litellm.REPEATED_STREAMING_CHUNK_LIMIT:
            raise Unusual

    def _head(self, chunk: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
        fingerprint, tier = chunk.get("system_fingerprint"), chunk.get("service_tier")
        if not (isinstance(chunk["id"], str) and isinstance(fingerprint, _TEXT) and isinstance(tier, _TEXT)):
            raise Unusual
        last = {} if tier is None else {"service_tier": tier}
        named = {"id": chunk["id"], "created": self._created, "model": self._model, "object": chunk["object"]}
        if fingerprint is None and "tool_calls" not in choice["delta"]:
            return _plain(named, last, choice)
        if not chunk.keys() <= _HEAD:
            last |= {name: value for name, value in chunk.items() if name not in _HEAD and value is not None}
        marked = {} if fingerprint is None else {"system_fingerprint": fingerprint}
        return {**named, **marked, "choices": [choice], **last}

    def of_the_same_time(self, event: Any) -> Any:
        """LiteLLM took the time when it got the stream; the client has been told another."""
        if not self._created or not isinstance(event, str | bytes):
            return event
        data = event.encode() if isinstance(event, str) else event
        return _CREATED.sub(rb"\g<1>%d" % self._created, data, count=1)


@dataclass(frozen=True, slots=True)
class _Form:
    """An event of plain words, up to them and behind them: the upstream's (`begins`, `ends`), and what is told of it.

    What is between is a text in JSON without an escape, which reads the same in both. `pads`: behind them, up to the
    value of OpenAI's "obfuscation", which is another in each event, and behind that.
    """

    begins: bytes
    ends: bytes
    told_begins: bytes
    told_ends: bytes
    pads: tuple[bytes, bytes] | None = None
    told_pads: tuple[bytes, bytes] | None = None

    @classmethod
    def of(cls, words: str, data: bytes, told: bytes) -> _Form | None:
        said = b'"delta":{"content":%b}' % orjson.dumps(words)
        theirs, ours = data.split(said), told.split(said)
        if len(theirs) != 2 or len(ours) != 2:
            return None
        ends, told_ends = _ENDS_DELTA + theirs[1], _ENDS_DELTA + ours[1]
        return cls(theirs[0] + _DELTA, ends, ours[0] + _DELTA, told_ends, _around(ends), _around(told_ends))

    def told(self, data: bytes) -> tuple[str, bytes] | None:
        """The words of another event of this form, and what is told of it; None: it has none."""
        if not data.startswith(self.begins):
            return None
        end = data.find(b'"', len(self.begins))
        words, behind = data[len(self.begins) : end], data[end:]
        ends = self.told_ends if behind == self.ends else self._padded(behind)
        try:
            return (words.decode(), self.told_begins + words + ends) if ends and _WORDS.fullmatch(words) else None
        except UnicodeDecodeError:
            return None

    def _padded(self, ends: bytes) -> bytes | None:
        if self.pads is None or not ends.startswith(self.pads[0]) or not ends.endswith(self.pads[1]):
            return None
        padding = ends[len(self.pads[0]) : len(ends) - len(self.pads[1])]
        if not padding.isalnum():
            return None
        return self.told_ends if self.told_pads is None else self.told_pads[0] + padding + self.told_pads[1]


def _around(ends: bytes) -> tuple[bytes, bytes] | None:
    """What is before and behind the padding; None where there is none, or more than one."""
    parts = _PADDING.split(ends)
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _is_usage(usage: Any) -> bool:
    """Whether LiteLLM can count it: it fails where a number of tokens is none."""
    if not isinstance(usage, dict):
        return False
    counts = all(type(value) in _COUNT for name, value in usage.items() if name.endswith("_tokens"))
    details = (value for name, value in usage.items() if name.endswith("_tokens_details") and value is not None)
    return counts and all(map(_is_usage, details))


def _plain(named: dict[str, Any], last: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    delta = {name: choice["delta"][name] for name in ("role", "content") if name in choice["delta"]}
    end = {"finish_reason": choice["finish_reason"]} if "finish_reason" in choice else {}
    head = {name: named[name] for name in ("id", "object", "created", "model")}
    return {**head, **last, "choices": [{"index": 0, "delta": delta, **end}]}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    match tool:
        case {"index": int(index), "function": {"arguments": str(words), **name}, **call} if (
            type(index) is int
            and name.keys() <= {"name"}
            and call.keys() <= {"id", "type"}
            and call.get("type", "function") == "function"
        ):
            function = {"arguments": words, **name}
            id_ = {"id": call["id"]} if "id" in call else {}
            return {**id_, "function": function, "type": "function", "index": index}
    raise Unusual
