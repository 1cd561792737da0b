"""The situations of openai-node, which VS Code's extensions send through: those of both OpenAI SDKs, and theirs."""

from __future__ import annotations

import harness.situations.replies as say
from harness.situations.openai_routes import situations as of_routes
from harness.situations.openai_sdk import IMAGE, TOOLS, USAGE, situations
from harness.situations.sdk_calls import STREAM, Asks
from harness.upstream import anthropic_wire as anthropic
from harness.upstream import openai_wire as openai
from harness.upstream.wire import Object

_ASKS = Asks("vscode")
_ONCE: Object = {"retries": 0}
_EXTENSION: Object = {"headers": {"HTTP-Referer": "https://extension.example", "X-Title": "An extension"}}
_EDIT = "```diff\n-    return a - b\n+    return a + b\n```\n"
_FILE = "def add(a, b):\n    return a - b\n" * 30

VSCODE = (
    *situations(_ASKS),
    *of_routes(_ASKS),
    _ASKS.one(
        "agent-streamed",
        "An agent of the editor sends its instructions, a file, and headers that name it",
        "chat stream usage headers",
        {
            "model": "claude-sonnet-5",
            "temperature": 0,
            "max_tokens": 8192,
            **USAGE,
            "messages": [{"role": "system", "content": f"You edit files.\n\n{_FILE}"}],
        },
        say.claude_streams("vs agent", anthropic.text(_EDIT), parts=6),
        client=_EXTENSION,
    ),
    _ASKS.one(
        "agent-of-gpt-streamed",
        "An agent of the editor asks GPT for an edit of a file, with its tools",
        "chat stream usage headers tools",
        {
            "model": "gpt-5",
            "reasoning_effort": "medium",
            **USAGE,
            **TOOLS,
            "messages": [{"role": "developer", "content": f"You edit files.\n\n{_FILE}"}],
        },
        say.gpt_streams("vs gpt", _EDIT, model=say.GPT_5, parts=6),
        client=_EXTENSION,
    ),
    _ASKS.one(
        "completion-of-a-line",
        "A completion of a line: few tokens, many stops",
        "chat stream options",
        {"model": "gpt-4.1", "max_tokens": 32, "temperature": 0, "stop": ["\n", "\n\n", "```", "def "], "stream": True},
        say.gpt_streams("vs line", "return a + b"),
    ),
    _ASKS.one(
        "text-and-tool-streamed",
        "A streamed answer says something and calls a tool, whose result goes back",
        "chat stream tools tool-loop",
        {"model": "gpt-5-mini", **TOOLS},
        say.gpt_streams("vs text 1", "I look.", openai.tool_call("list_files", {}, "vs text"), model=say.GPT_5_MINI),
        say.gpt_streams("vs text 2", model=say.GPT_5_MINI),
        call=STREAM,
        results={"list_files": "src/add.py"},
    ),
    _ASKS.one(
        "screenshot-streamed",
        "Two pictures and a question for a Claude model",
        "chat stream images translation",
        {"model": "claude-sonnet-5", **USAGE},
        say.claude_streams("vs screenshot"),
        parts=[IMAGE, IMAGE],
    ),
    _ASKS.one(
        "claude-thinking-and-tool-streamed",
        "A Claude model thinks, and calls a tool",
        "chat stream reasoning tools translation",
        {"model": "claude-opus-4-8", "reasoning_effort": "high", "stream": True, **TOOLS},
        say.claude_streams(
            "vs thinks",
            anthropic.thinking("I need the list."),
            anthropic.tool_use("list_files", {}, "vs thinks"),
        ),
    ),
    _ASKS.one(
        "rate-limit-retried",
        "A rate limit that outlasts the gateway's retries; the client tries again",
        "chat stream errors retries",
        {"model": "gpt-4.1", "stream": True},
        *(openai.error_reply(429, "Rate limit reached", f"vs 429 {number}") for number in range(3)),
        say.gpt_streams("vs again"),
    ),
    _ASKS.one(
        "client-leaves-before-the-stream",
        "The extension's patience ends before the provider begins its stream",
        "chat stream disconnect timeout",
        {"model": "gpt-5", "stream": True},
        say.late(say.gpt_streams("vs late", model=say.GPT_5), 2.0),
        fails=True,
        client={"retries": 0, "timeout": 1.0},
    ),
    _ASKS.one(
        "claude-client-leaves-in-mid-stream",
        "The user stops a Claude model's answer; the call to Anthropic ends with it",
        "chat stream disconnect translation",
        {"model": "claude-sonnet-4-5", "stream": True},
        say.pausing(say.claude_streams("vs stops", parts=5), 5),
        leave_after=2,
    ),
    _ASKS.one(
        "claude-stream-cut",
        "Anthropic hangs up in the middle of a tool call",
        "chat stream errors cuts tools translation",
        {"model": "claude-haiku-4-5-20251001", "stream": True, **TOOLS},
        say.cut(say.claude_streams("vs cut", anthropic.tool_use("read_file", {"path": "src/add.py"}, "vs cut")), 5),
        fails=True,
    ),
    _ASKS.one(
        "claude-upstream-402",
        "Anthropic wants money first",
        "chat errors translation",
        {"model": "claude-sonnet-4-5"},
        anthropic.error_reply(402, "Your credit balance is too low", "vs 402"),
        fails=True,
        client=_ONCE,
    ),
)
