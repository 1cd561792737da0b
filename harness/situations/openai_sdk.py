"""What both of OpenAI's SDKs are put through that run as scripts do: openai-python, and openai-node of VS Code."""

from __future__ import annotations

import harness.situations.replies as say
from harness.model import Cut
from harness.situations.sdk_calls import CREATE, STREAM, Asks, call, runs
from harness.situations.situation import Situation, broken
from harness.upstream import anthropic_wire as anthropic
from harness.upstream import gemini_wire as gemini
from harness.upstream import openai_wire as openai
from harness.upstream.wire import Object

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE: Object = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}}
USAGE: Object = {"stream": True, "stream_options": {"include_usage": True}}
STREAMED: Object = {"stream": True}

_PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
_READ: Object = {"name": "read_file", "description": "Read a file of the project", "parameters": _PATH}
_LIST: Object = {
    "name": "list_files",
    "description": "List the files",
    "parameters": {"type": "object", "properties": {}},
}
TOOLS: Object = {"tools": [{"type": "function", "function": tool} for tool in (_READ, _LIST)]}
RESULTS = {"read_file": "def add(a, b):\n    return a + b\n", "list_files": "src/add.py"}
READ, LIST = ("read_file", {"path": "src/add.py"}), ("list_files", dict[str, object]())

_CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
SCHEMA: Object = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": _CITY}}
}
FILLED = '{"city":"Basel","people":170000}'


def situations(asks: Asks) -> tuple[Situation, ...]:
    return (*_chat(asks), *_translated(asks), *_tools(asks), *_formats(asks), *_failures(asks), *_beside(asks))


def _chat(asks: Asks) -> tuple[Situation, ...]:
    seed = asks.client
    return (
        asks.one(
            "chat",
            "One answer, not streamed, with the usual options",
            "chat options",
            {"model": "gpt-4.1", "temperature": 0.2, "max_tokens": 200, "top_p": 0.9, "seed": 7, "user": "somebody"},
            say.gpt(f"{seed} chat"),
        ),
        asks.one(
            "chat-streamed",
            "A streamed answer",
            "chat stream",
            {"model": "gpt-5-mini", **STREAMED},
            say.gpt_streams(f"{seed} s", model=say.GPT_5_MINI),
        ),
        asks.one(
            "chat-streamed-with-usage",
            "A streamed answer that ends with its usage, of which a part was cached",
            "chat stream usage",
            {"model": "gpt-4.1", **USAGE},
            say.gpt_streams(f"{seed} usage", used=openai.usage(2006, 300, cached=1920)),
        ),
        asks.one(
            "reasoning",
            "A developer's instruction, an effort, and an answer whose usage counts the reasoning",
            "chat reasoning roles usage",
            {
                "model": "gpt-5",
                "reasoning_effort": "low",
                "max_completion_tokens": 500,
                "messages": [{"role": "developer", "content": "Answer in one line."}],
            },
            say.gpt(f"{seed} reasoning", model=say.GPT_5, used=openai.usage(30, 90, reasoning=64)),
        ),
        asks.one(
            "conversation",
            "A conversation of several turns comes with its system prompt and a speaker's name",
            "chat roles",
            {
                "model": "gpt-5-mini",
                "messages": [
                    {"role": "system", "content": "You are an assistant inside an editor."},
                    {"role": "user", "name": "ada", "content": "What is a closure?"},
                    {"role": "assistant", "content": "A function that remembers its surroundings."},
                ],
            },
            say.gpt(f"{seed} turns", model=say.GPT_5_MINI),
        ),
        asks.one(
            "several-choices-streamed",
            "Two answers to one question, their pieces one after the other",
            "chat stream choices",
            {"model": "gpt-4.1", "n": 2, **STREAMED},
            say.gpt_choices(f"{seed} n", [say.answer("One way."), say.answer("Another way.")], streamed=True),
        ),
        asks.one(
            "utf-8-streamed",
            "Letters of one to four bytes come in small pieces",
            "chat stream utf-8",
            {"model": "gpt-5", **STREAMED},
            say.gpt_streams(f"{seed} bytes", "Grüße 你好 🌍 — naïve Ω!", model=say.GPT_5, parts=12),
        ),
        asks.one(
            "image",
            "A picture goes beside the question",
            "chat images",
            {"model": "gpt-4.1"},
            say.gpt(f"{seed} image"),
            parts=[IMAGE],
        ),
    )


def _translated(asks: Asks) -> tuple[Situation, ...]:
    seed = asks.client
    return (
        asks.one(
            "claude",
            "A Claude model answers whole, with a system prompt, stops and a limit",
            "chat translation options",
            {
                "model": "claude-opus-4-8",
                "max_tokens": 300,
                "stop": ["END", "###"],
                "messages": [{"role": "system", "content": "Be short."}],
            },
            say.claude(f"{seed} claude"),
        ),
        asks.one(
            "claude-streamed",
            "A Claude model streams, and ends with a usage that counts its cache",
            "chat stream usage translation cache",
            {"model": "claude-sonnet-4-5", **USAGE},
            say.claude_streams(f"{seed} streams", used=anthropic.usage(20, 60, cache_read=4000, cache_creation=150)),
        ),
        asks.one(
            "claude-thinking-streamed",
            "An effort makes a Claude model think, and its thoughts come before its answer",
            "chat stream reasoning translation",
            {"model": "claude-sonnet-4-5", "reasoning_effort": "low", **STREAMED},
            say.claude_streams(f"{seed} thinks", anthropic.thinking("A small sum."), anthropic.text(say.SAID)),
        ),
        asks.one(
            "claude-image",
            "A picture for a Claude model becomes one of Anthropic's",
            "chat images translation",
            {"model": "claude-haiku-4-5-20251001"},
            say.claude(f"{seed} picture"),
            parts=[IMAGE],
        ),
        asks.one(
            "claude-cut-off-at-max-tokens",
            "A Claude model's answer ends at max_tokens, which OpenAI calls length",
            "chat stream translation stop-reasons",
            {"model": "claude-haiku-4-5-20251001", "max_tokens": 10, **STREAMED},
            say.claude_streams(f"{seed} length", stop="max_tokens"),
        ),
        asks.one(
            "claude-options-it-does-not-have",
            "Options that only OpenAI has are dropped for a Claude model",
            "chat translation options",
            {
                "model": "claude-opus-4-8",
                "frequency_penalty": 0.5,
                "presence_penalty": 0.5,
                "logit_bias": {"50256": -100},
                "seed": 1,
                "user": "somebody",
            },
            say.claude(f"{seed} dropped"),
        ),
        asks.one(
            "gemini",
            "A Gemini model answers whole, with a system prompt",
            "chat translation roles",
            {"model": "gemini-2.5-pro", "messages": [{"role": "system", "content": "Be short."}], "temperature": 0},
            say.gemini_says(f"{seed} gemini", model="gemini-2.5-pro"),
        ),
        asks.one(
            "gemini-streamed",
            "A Gemini model streams, and ends with its usage",
            "chat stream usage translation",
            {"model": "gemini-2.5-flash", **USAGE},
            say.gemini_streams(f"{seed} gemini streams"),
        ),
        asks.one(
            "gemini-image",
            "A picture for a Gemini model becomes one of Google's",
            "chat images translation",
            {"model": "gemini-2.5-pro"},
            say.gemini_says(f"{seed} gemini picture", model="gemini-2.5-pro"),
            parts=[IMAGE],
        ),
    )


def _tools(asks: Asks) -> tuple[Situation, ...]:
    seed = asks.client
    both = (openai.tool_call(*READ, f"{seed} a"), openai.tool_call(*LIST, f"{seed} b"))
    claude_both = (anthropic.tool_use(*READ, f"{seed} c"), anthropic.tool_use(*LIST, f"{seed} d"))
    return (
        asks.one(
            "tool-loop",
            "The model calls a tool, and its result goes back",
            "chat tools tool-loop",
            {"model": "gpt-4.1", **TOOLS},
            say.gpt(f"{seed} loop 1", None, openai.tool_call(*READ, f"{seed} loop")),
            say.gpt(f"{seed} loop 2"),
            results=RESULTS,
        ),
        asks.one(
            "tools-in-parallel-streamed",
            "Two tools of one streamed answer, one of them without arguments, and both results go back",
            "chat stream tools tool-loop parallel-tools",
            {"model": "gpt-5-mini", **TOOLS},
            say.gpt_streams(f"{seed} both 1", None, *both, model=say.GPT_5_MINI),
            say.gpt_streams(f"{seed} both 2", model=say.GPT_5_MINI),
            call=STREAM,
            results=RESULTS,
        ),
        asks.one(
            "tool-that-must-be-called",
            "The one tool that has to be called, and no other beside it",
            "chat tools",
            {
                "model": "gpt-4.1",
                **TOOLS,
                "tool_choice": {"type": "function", "function": {"name": "read_file"}},
                "parallel_tool_calls": False,
            },
            say.gpt(f"{seed} must", None, openai.tool_call(*READ, f"{seed} must")),
        ),
        asks.one(
            "claude-tool-loop",
            "A Claude model calls a tool, and its result goes back",
            "chat tools tool-loop translation",
            {"model": "claude-sonnet-5", **TOOLS},
            say.claude(f"{seed} ct 1", anthropic.text("I read it."), anthropic.tool_use(*READ, f"{seed} ct")),
            say.claude(f"{seed} ct 2"),
            results=RESULTS,
        ),
        asks.one(
            "claude-tools-in-parallel-streamed",
            "A Claude model streams two tool calls, and both results go back",
            "chat stream tools tool-loop parallel-tools translation",
            {"model": "claude-opus-4-8", **TOOLS},
            say.claude_streams(f"{seed} cp 1", *claude_both),
            say.claude_streams(f"{seed} cp 2"),
            call=STREAM,
            results=RESULTS,
        ),
        asks.one(
            "claude-tool-that-must-be-called",
            "A Claude model has to call some tool",
            "chat tools translation",
            {"model": "claude-haiku-4-5-20251001", **TOOLS, "tool_choice": "required", "parallel_tool_calls": False},
            say.claude(f"{seed} cm", anthropic.tool_use(*READ, f"{seed} cm")),
        ),
        asks.one(
            "gemini-tool-call",
            "A Gemini model calls a tool, and its result goes back",
            "chat tools tool-loop translation",
            {"model": "gemini-2.5-pro", **TOOLS},
            say.gemini_says(f"{seed} gt 1", gemini.function_call(*READ), model="gemini-2.5-pro"),
            say.gemini_says(f"{seed} gt 2", model="gemini-2.5-pro"),
            results=RESULTS,
        ),
        asks.one(
            "gemini-tool-call-streamed",
            "A Gemini model streams a tool call in one piece",
            "chat stream tools translation",
            {"model": "gemini-2.5-flash", **TOOLS, **STREAMED},
            say.gemini_calls(f"{seed} gs", gemini.function_call(*READ)),
        ),
    )


def _formats(asks: Asks) -> tuple[Situation, ...]:
    seed = asks.client
    return (
        asks.one(
            "json-mode",
            "An answer that has to be JSON",
            "chat json",
            {"model": "gpt-4.1", "response_format": {"type": "json_object"}},
            say.gpt(f"{seed} json", FILLED),
        ),
        asks.one(
            "json-schema-streamed",
            "A streamed answer in the form of a schema",
            "chat stream json structured-output",
            {"model": "gpt-5", **SCHEMA, **STREAMED},
            say.gpt_streams(f"{seed} schema", FILLED, model=say.GPT_5),
        ),
        asks.one(
            "claude-json-schema",
            "A Claude model's answer in the form of a schema",
            "chat json structured-output translation",
            {"model": "claude-sonnet-4-5-20250929", **SCHEMA},
            say.claude(f"{seed} cs", anthropic.text(FILLED)),
        ),
        asks.one(
            "gemini-json-schema",
            "A Gemini model's answer in the form of a schema",
            "chat json structured-output translation",
            {"model": "gemini-2.5-flash", **SCHEMA},
            say.gemini_says(f"{seed} gj", gemini.text(FILLED)),
        ),
    )


def _failures(asks: Asks) -> tuple[Situation, ...]:
    seed = asks.client
    return (
        asks.one(
            "bad-request-streamed",
            "What the provider refuses is refused before the stream begins",
            "chat stream errors",
            {"model": "gpt-5-mini", **STREAMED},
            openai.error_reply(400, "Unsupported value: 'temperature'", f"{seed} 400", param="temperature"),
            fails=True,
        ),
        asks.one(
            "claude-upstream-413",
            "A request that is too large for Anthropic",
            "chat errors translation",
            {"model": "claude-opus-4-8"},
            anthropic.error_reply(413, "Request exceeds the maximum size", f"{seed} 413"),
            fails=True,
        ),
        asks.one(
            "gemini-upstream-400",
            "What Google refuses is told in OpenAI's words",
            "chat errors translation",
            {"model": "gemini-2.5-flash"},
            gemini.error_reply(400, "Invalid value at 'contents'"),
            fails=True,
        ),
        asks.one(
            "error-in-mid-stream",
            "The provider reports an error in the middle of a text",
            "chat stream errors mid-stream-error",
            {"model": "gpt-4.1", **STREAMED},
            broken(say.gpt_streams(f"{seed} error"), 3, openai.error_event(500, "The server had an error")),
            fails=True,
        ),
        asks.one(
            "claude-error-in-mid-stream",
            "Anthropic reports that it is overloaded in the middle of a text",
            "chat stream errors mid-stream-error translation",
            {"model": "claude-sonnet-5", **STREAMED},
            broken(say.claude_streams(f"{seed} overloaded"), 5, anthropic.error_event(529, "Overloaded")),
            fails=True,
        ),
        asks.one(
            "stream-cut",
            "The provider hangs up in the middle of a text",
            "chat stream errors cuts",
            {"model": "gpt-5", **STREAMED},
            broken(say.gpt_streams(f"{seed} cut", model=say.GPT_5), 3, Cut("fin")),
            fails=True,
        ),
        asks.one(
            "client-leaves-in-mid-stream",
            "The client has read enough and hangs up; the call to the provider ends with it",
            "chat stream disconnect",
            {"model": "gpt-5-mini", **STREAMED},
            say.pausing(say.gpt_streams(f"{seed} leaves", model=say.GPT_5_MINI), 3),
            leave_after=2,
        ),
    )


def _beside(asks: Asks) -> tuple[Situation, ...]:
    seed = asks.client
    named = [asks.question("calls-at-once", f"part {number // 2}") for number in range(4)]
    parts = [call(CREATE, {"model": "gpt-4.1", "messages": [{"role": "user", "content": name}]}) for name in named]
    return (
        asks.of("models", "All models that the gateway has", "models", runs(call("models.list", {}))),
        asks.of(
            "calls-at-once",
            "Four calls at once, two by two the same",
            "chat together",
            runs(*parts, at_once=True, **({"async": True} if asks.client != "vscode" else {})),
            *(say.late(say.gpt(f"{seed} part {number}"), 0.3) for number in range(4)),
        ),
        asks.one(
            "with-memory",
            "A model behind a memory is told whose memory it is",
            "chat stream memory",
            {"model": "gpt-5-memory", **STREAMED},
            say.gpt_streams(f"{seed} memory", model=say.GPT_5),
        ),
        asks.one(
            "unknown-model",
            "A model that the gateway does not have",
            "chat errors",
            {"model": "no-such-model"},
            fails=True,
        ),
    )
