"""Whether a stream came to its own end: one that was truncated has to look like it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from litellm.anthropic_interface.exceptions import anthropic_error_sse_frame
from litellm.exceptions import BadGatewayError
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.llms.anthropic.chat.handler import ModelResponseIterator as Claude
from litellm.llms.openai.chat.gpt_transformation import OpenAIChatCompletionStreamingHandler
from litellm.llms.openrouter.chat.transformation import OpenRouterChatCompletionStreamingHandler
from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import ModelResponseIterator as Gemini
from openai import AsyncStream

TRUNCATED = "The upstream's stream ended before its answer was complete."
_LAST = re.compile(rb'[\r\n](?:event: ?(?:message_stop|error)[\r\n]|data: ?\{ ?"type": ?"(?:message_stop|error)")')
_REASON = re.compile(  # of a message_delta: `null` is none
    rb'[\r\n](?:event: ?message_delta[\r\n]+data:|data: ?\{ ?"type": ?"message_delta")[^\r\n]*?"stop_reason": ?"'
)
_LONGEST = 512  # bytes of what _LAST and _REASON find in an event as Anthropic writes it, and more
_BESIDE_DATA = (":", "event:", "id:", "retry:")  # how the lines of an event begin that are none of its data's
_BLANK_LINES = (b"\n\n", b"\r\r", b"\r\n\r\n")  # what an event ends with: WHATWG HTML, section 9.2.6
# Streams in protocols that say their end: OpenAI's by the client of its SDK, and by LiteLLM's own for other servers.
_SAY_THEIR_END = (
    AsyncStream,
    OpenAIChatCompletionStreamingHandler,
    OpenRouterChatCompletionStreamingHandler,
    Claude,
    Gemini,
)
_Parser = Callable[[Any, dict[str, Any]], Any]


class MessageEnd:
    """Reads a stream of Anthropic's protocol, in whatever pieces it comes, for what says that its answer is complete.

    That is its last event, or a stop_reason: what it ends is whole then, and clients take it for that. `content_type`
    is the upstream's: a whole answer in JSON, where a stream was asked for, has no such event.
    """

    def __init__(self, content_type: str = "text/event-stream") -> None:
        self._ended = not content_type.startswith("text/event-stream")
        self._has_reason = False
        self._tail = b"\n\n"

    def read(self, chunk: Any) -> None:
        if isinstance(chunk, dict):
            reason = chunk.get("type") == "message_delta" and (chunk.get("delta") or {}).get("stop_reason")
            self._ended = self._ended or chunk.get("type") in ("message_stop", "error") or bool(reason)
            return
        data = self._tail + (chunk.encode() if isinstance(chunk, str) else chunk)
        self._ended = self._ended or _LAST.search(data) is not None
        self._has_reason = self._has_reason or _REASON.search(data) is not None
        self._tail = data[-_LONGEST:]

    def missing(self) -> Iterator[str]:
        """What has to follow the stream: nothing, or an error event of its own."""
        between_events = self._tail.endswith(_BLANK_LINES)
        if self._ended or (self._has_reason and between_events):
            return
        if not between_events:
            yield "\n\n"
        yield anthropic_error_sse_frame(status_code=502, raw_message=TRUNCATED)


@contextmanager
def no_invented_end() -> Iterator[None]:
    """Within the block a chat stream without a finish_reason fails as one that was cut, unless it said its end.

    LiteLLM makes up `stop` for it in two places: CustomStreamWrapper.finish_reason_handler, and, for each event of
    Gemini's that has none, VertexGeminiConfig._check_finish_reason (1.106.2). Its `stop` stays where the stream says
    its end in another way: by OpenAI's `[DONE]`, all that some servers send (OpenAIChatCompletionStreamingHandler
    makes a reason of it, OpenAI's SDK drops it), by Claude's message_stop, by the reason for which Gemini blocks a
    prompt; Gemini has nothing else. It stays as well where nothing is known of how a protocol ends: Triton's never
    gives a reason. A line of Gemini's stream that is no data, a comment say, makes it lose all that follows
    (ModelResponseIterator.handle_valid_json_chunk): it is left out.
    """
    finished, gemini, claude = CustomStreamWrapper.finish_reason_handler, Gemini.chunk_parser, Claude.chunk_parser
    read, events_of = Gemini._common_chunk_parsing_logic, AsyncStream._iter_events
    CustomStreamWrapper.finish_reason_handler = _no_reason_of_its_own(finished)
    Gemini.chunk_parser, Claude.chunk_parser = _ends_of_gemini(gemini), _ends_of_claude(claude)
    Gemini._common_chunk_parsing_logic = lambda events, chunk: (
        None if chunk.startswith(_BESIDE_DATA) else read(events, chunk)
    )
    openai: Any = AsyncStream
    openai._iter_events = _ends_of_openai(events_of)
    try:
        yield
    finally:
        CustomStreamWrapper.finish_reason_handler = finished
        Gemini.chunk_parser, Claude.chunk_parser = gemini, claude
        Gemini._common_chunk_parsing_logic, openai._iter_events = read, events_of


def _no_reason_of_its_own(finished: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def finish_reason_handler(stream: Any) -> Any:
        said = (stream.received_finish_reason, stream.intermittent_finish_reason)
        source = stream.completion_stream
        if not any(said) and isinstance(source, _SAY_THEIR_END) and not getattr(source, "said_its_end", False):
            stream._log_stream_failure_and_raise(
                BadGatewayError(message=TRUNCATED, llm_provider=stream.custom_llm_provider or "", model=stream.model)
            )
        return finished(stream)

    return finish_reason_handler


def _ends_of_openai(read: Callable[[Any], AsyncIterator[Any]]) -> Callable[[Any], AsyncIterator[Any]]:
    async def iter_events(stream: Any) -> AsyncIterator[Any]:
        async for event in read(stream):
            if event.data.startswith("[DONE]"):
                stream.said_its_end = True
            yield event

    return iter_events


def _ends_of_gemini(parsed: _Parser) -> _Parser:
    def chunk_parser(events: Any, chunk: dict[str, Any]) -> Any:
        answer, candidates = parsed(events, chunk), chunk.get("candidates") or ()
        if any(candidate.get("finishReason") for candidate in candidates):
            events.said_its_end = True  # what follows may be usage alone
        elif candidates:
            for choice in answer.choices:
                choice.finish_reason = None
        return answer

    return chunk_parser


def _ends_of_claude(parsed: _Parser) -> _Parser:
    def chunk_parser(events: Any, chunk: dict[str, Any]) -> Any:
        if chunk.get("type") == "message_stop":
            events.said_its_end = True  # whether a message_delta came before it, or not
        return parsed(events, chunk)

    return chunk_parser
