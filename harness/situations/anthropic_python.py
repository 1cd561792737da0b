"""The situations of anthropic-python, which scripts and agents send through."""

from __future__ import annotations

import harness.situations.replies as say
from harness.model import Reply
from harness.situations.openai_sdk import LIST, PIXEL, READ, RESULTS
from harness.situations.sdk_calls import Asks, call, runs
from harness.situations.situation import broken
from harness.upstream import anthropic_wire as anthropic
from harness.upstream import responses_wire as responses
from harness.upstream.wire import Object

CREATE, STREAM, COUNT = "messages.create", "messages.stream", "messages.count_tokens"
_ASKS = Asks("anthropic-python", CREATE)
_ONCE: Object = {"retries": 0}
_SONNET: Object = {"model": "claude-sonnet-5", "max_tokens": 400}
_OPUS: Object = {"model": "claude-opus-4-8", "max_tokens": 400}
_HAIKU: Object = {"model": "claude-haiku-4-5-20251001", "max_tokens": 400}
_OLDER: Object = {"model": "claude-sonnet-4-5", "max_tokens": 400}
_DATED: Object = {"model": "claude-sonnet-4-5-20250929", "max_tokens": 400}
_STREAMED: Object = {"stream": True}
_PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
_TOOLS: Object = {
    "tools": [
        {"name": "read_file", "description": "Read a file of the project", "input_schema": _PATH},
        {"name": "list_files", "description": "List the files", "input_schema": {"type": "object", "properties": {}}},
    ]
}
_IMAGE: Object = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
_NOTE: Object = {
    "type": "document",
    "title": "Note",
    "source": {"type": "text", "media_type": "text/plain", "data": "Two and two."},
    "citations": {"enabled": True},
}
_LONG: Object = {"type": "text", "text": "A long text. " * 20, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
_THINKS: Object = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
_CITED: Object = {
    "type": "text",
    "text": "Four.",
    "citations": [
        {
            "type": "char_location",
            "cited_text": "Two and two.",
            "document_index": 0,
            "document_title": "Note",
            "start_char_index": 0,
            "end_char_index": 12,
        }
    ],
}


def _gpt(seed: str, *items: Object, streamed: bool = False) -> Reply:
    whole = responses.response(items or (responses.message(say.SAID, seed),), say.GPT_5, seed)
    return (responses.stream_reply if streamed else responses.reply)(whole, seed)


def _fails(status: int, words: str) -> Reply:
    return anthropic.error_reply(status, words, f"ap {status}")


_ANSWERS = (
    _ASKS.one(
        "message",
        "One message, not streamed, with a system prompt and options",
        "messages options",
        {
            **_SONNET,
            "system": "Be short.",
            "extra_body": {"temperature": 0.5, "top_k": 40},
            "stop_sequences": ["END"],
            "metadata": {"user_id": "somebody"},
        },
        say.claude("ap message"),
    ),
    _ASKS.one(
        "message-streamed",
        "A streamed message",
        "messages stream",
        {**_OPUS, **_STREAMED},
        say.claude_streams("ap streamed"),
    ),
    _ASKS.one(
        "message-streamed-by-the-helper",
        "The helper for streams puts the message together",
        "messages stream usage",
        _SONNET,
        say.claude_streams("ap helper", used=anthropic.usage(25, 50, cache_read=1000)),
        call=STREAM,
    ),
    _ASKS.one(
        "asynchronous-streamed",
        "The asynchronous client reads a stream",
        "messages stream",
        {**_HAIKU, **_STREAMED},
        say.claude_streams("ap async"),
        client={"async": True},
    ),
    _ASKS.one(
        "conversation",
        "A conversation of several turns, the last of them the assistant's beginning",
        "messages roles",
        {
            **_DATED,
            "messages": [
                {"role": "user", "content": "One?"},
                {"role": "assistant", "content": [{"type": "text", "text": "Two."}]},
            ],
        },
        say.claude("ap turns"),
    ),
    _ASKS.one(
        "cache-control",
        "Marks for the cache, of two lengths of time, and a usage that counts both",
        "messages cache usage",
        {**_OLDER, "system": [_LONG, {"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}]},
        say.claude("ap cache", used=anthropic.usage(9, 12, cache_read=40, cache_creation=300)),
    ),
    _ASKS.one(
        "image-and-document",
        "A picture and a document with citations, and an answer that cites",
        "messages images citations",
        _SONNET,
        say.claude("ap cites", _CITED),
        parts=[_IMAGE, _NOTE],
    ),
    _ASKS.one(
        "thinking-streamed",
        "A budget for thinking, and a thought with its signature before the answer",
        "messages stream thinking",
        {**_DATED, **_THINKS, **_STREAMED},
        say.claude_streams("ap thinks", anthropic.thinking("A small sum.", "ap"), anthropic.text("Four.")),
    ),
    _ASKS.one(
        "thinking-and-tool-loop-streamed",
        "A thought goes back with its signature, beside the result of the tool that followed it",
        "messages stream thinking tools tool-loop",
        {**_OLDER, **_THINKS, **_TOOLS},
        say.claude_streams("ap tt 1", anthropic.thinking("I read it.", "ap tt"), anthropic.tool_use(*READ, "ap tt")),
        say.claude_streams("ap tt 2"),
        call=STREAM,
        results=RESULTS,
    ),
    _ASKS.one(
        "redacted-thinking-streamed",
        "A thought that nobody can read",
        "messages stream thinking",
        {**_HAIKU, **_THINKS, **_STREAMED},
        say.claude_streams("ap redacted", anthropic.redacted_thinking("ap"), anthropic.text("Four.")),
    ),
    _ASKS.one(
        "tool-loop",
        "The model calls a tool, and its result goes back",
        "messages tools tool-loop",
        {**_SONNET, **_TOOLS},
        say.claude("ap loop 1", anthropic.text("I read it."), anthropic.tool_use(*READ, "ap loop")),
        say.claude("ap loop 2"),
        results=RESULTS,
    ),
    _ASKS.one(
        "tools-in-parallel-streamed",
        "Two tools of one streamed answer, and both results go back in one message",
        "messages stream tools tool-loop parallel-tools",
        {**_OPUS, **_TOOLS},
        say.claude_streams("ap both 1", anthropic.tool_use(*READ, "ap a"), anthropic.tool_use(*LIST, "ap b")),
        say.claude_streams("ap both 2"),
        call=STREAM,
        results=RESULTS,
    ),
    _ASKS.one(
        "tool-that-must-be-called",
        "The one tool that has to be called, and no other beside it",
        "messages tools",
        {**_HAIKU, **_TOOLS, "tool_choice": {"type": "tool", "name": "read_file", "disable_parallel_tool_use": True}},
        say.claude("ap must", anthropic.tool_use(*READ, "ap must")),
    ),
    _ASKS.one(
        "betas",
        "Betas of the client's own, in the order in which it gives them",
        "messages headers betas",
        _SONNET,
        say.claude("ap betas"),
        client={"headers": {"anthropic-beta": "interleaved-thinking-2025-05-14,context-1m-2025-08-07"}},
    ),
    _ASKS.one(
        "stop-sequence-streamed",
        "A sequence that the client gave ends the stream, and is named",
        "messages stream stop-reasons",
        {**_SONNET, **_STREAMED, "stop_sequences": ["END"]},
        say.claude_streams("ap stop", stop="stop_sequence"),
    ),
    _ASKS.one("refusal", "The model refuses", "messages stop-reasons", _OPUS, say.claude("ap refusal", stop="refusal")),
    _ASKS.one(
        "with-memory",
        "A model behind a memory is told whose memory it is",
        "messages stream memory",
        {"model": "claude-sonnet-5-memory", "max_tokens": 400, **_STREAMED},
        say.claude_streams("ap memory"),
    ),
    _ASKS.one(
        "gpt",
        "A GPT model answers in Anthropic's protocol",
        "messages translation",
        {"model": "gpt-5", "max_tokens": 400, "system": "Be short."},
        _gpt("ap gpt"),
    ),
    _ASKS.one(
        "gpt-tool-loop-streamed",
        "A GPT model streams a tool call in Anthropic's protocol, and its result goes back",
        "messages stream tools tool-loop translation",
        {"model": "gpt-4.1", "max_tokens": 400, **_TOOLS},
        _gpt("ap gt 1", responses.function_call(*READ, "ap gt"), streamed=True),
        _gpt("ap gt 2", streamed=True),
        call=STREAM,
        results=RESULTS,
    ),
    _ASKS.one(
        "gemini",
        "A Gemini model answers in Anthropic's protocol",
        "messages translation",
        {"model": "gemini-2.5-flash", "max_tokens": 400},
        say.gemini_says("ap gemini"),
    ),
    _ASKS.one(
        "gemini-streamed",
        "A Gemini model streams in Anthropic's protocol",
        "messages stream translation",
        {"model": "gemini-2.5-pro", "max_tokens": 400, **_STREAMED},
        say.gemini_streams("ap gemini s", model="gemini-2.5-pro"),
    ),
)
_BESIDE = (
    _ASKS.of(
        "count-tokens",
        "The tokens of a request with tools and a system prompt are counted",
        "count-tokens tools",
        runs(
            call(COUNT, _ASKS.asked("count", "How many", {"model": "claude-sonnet-5", "system": "Be short.", **_TOOLS}))
        ),
        anthropic.count_tokens(321, "ap count"),
    ),
    _ASKS.of("models", "All models that the gateway has, in Anthropic's form", "models", runs(call("models.list", {}))),
    _ASKS.of(
        "model", "One model, by its name", "models", runs(call("models.retrieve", {"model_id": "claude-sonnet-5"}))
    ),
    _ASKS.of(
        "model-of-nobody",
        "A model that nobody has, by its name",
        "models errors",
        runs(call("models.retrieve", {"model_id": "no-such-model"})),
        fails=True,
    ),
)
_FAILURES = (
    _ASKS.one(
        "bad-request-streamed",
        "What the provider refuses is refused before the stream begins",
        "messages stream errors",
        {**_SONNET, **_STREAMED},
        _fails(400, "messages: roles must alternate"),
        fails=True,
    ),
    _ASKS.one(
        "prompt-too-long",
        "A prompt that is too long",
        "messages errors",
        _OPUS,
        _fails(400, "prompt is too long: 210000 tokens > 200000 maximum"),
        fails=True,
    ),
    _ASKS.one(
        "upstream-402",
        "A balance that is too low",
        "messages errors",
        _HAIKU,
        _fails(402, "Your credit balance is too low"),
        fails=True,
    ),
    _ASKS.one(
        "upstream-403",
        "A key that may not use the model",
        "messages errors",
        _OLDER,
        _fails(403, "Your API key does not have permission to use this model"),
        fails=True,
    ),
    _ASKS.one(
        "upstream-413",
        "A request that is too large",
        "messages errors",
        _DATED,
        _fails(413, "Request exceeds the maximum size"),
        fails=True,
    ),
    _ASKS.one(
        "upstream-422",
        "What the provider understands and cannot do",
        "messages errors",
        _SONNET,
        _fails(422, "The picture cannot be processed"),
        fails=True,
        client=_ONCE,
    ),
    _ASKS.one(
        "upstream-529-streamed",
        "The provider is overloaded, and stays so",
        "messages stream errors retries",
        {**_OPUS, **_STREAMED},
        *(_fails(529, "Overloaded") for _ in range(3)),
        fails=True,
        client=_ONCE,
    ),
    _ASKS.one(
        "rate-limit-not-to-be-repeated",
        "A rate limit for a long time, which the client is told not to wait for",
        "messages errors retries",
        _HAIKU,
        *(
            anthropic.error_reply(
                429,
                "Number of requests exceeded",
                f"ap 429 {number}",
                (("retry-after", "1"), ("x-should-retry", "false")),
            )
            for number in range(3)
        ),
        fails=True,
        client=_ONCE,
    ),
    _ASKS.one(
        "error-in-mid-stream",
        "The provider reports an error in the middle of a text",
        "messages stream errors mid-stream-error",
        {**_SONNET, **_STREAMED},
        broken(say.claude_streams("ap error"), 5, anthropic.error_event(529, "Overloaded")),
        fails=True,
    ),
    _ASKS.one(
        "stream-truncated",
        "The stream ends in the middle of a text as if it were whole",
        "messages stream errors truncated",
        {**_DATED, **_STREAMED},
        broken(say.claude_streams("ap truncated"), 5),
    ),
    _ASKS.one(
        "client-leaves-in-mid-stream",
        "The client has read enough and hangs up; the call to the provider ends with it",
        "messages stream disconnect",
        {**_HAIKU, **_STREAMED},
        say.pausing(say.claude_streams("ap leaves", parts=5), 6),
        leave_after=4,
    ),
    _ASKS.one(
        "client-leaves-before-the-answer",
        "The client's patience ends before the provider answers",
        "messages disconnect timeout",
        _OPUS,
        say.late(say.claude("ap late"), 2.0),
        fails=True,
        client={"retries": 0, "timeout": 1.0},
    ),
    _ASKS.one(
        "unknown-model",
        "A model that the gateway does not have",
        "messages errors",
        {"model": "no-such-model", "max_tokens": 9},
        fails=True,
    ),
)

ANTHROPIC_PYTHON = (*_ANSWERS, *_BESIDE, *_FAILURES)
