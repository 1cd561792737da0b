"""The situations of openai-java, which stands for PyCharm AI Assistant."""

from __future__ import annotations

from harness.model import Cut, Reply
from harness.situations.replies import gemini_calls
from harness.situations.situation import Situation, answers, broken
from harness.upstream import anthropic_wire as anthropic
from harness.upstream import gemini_wire as gemini
from harness.upstream import openai_wire as openai
from harness.upstream.wire import Object

_ADD = "It **adds** two numbers and returns their sum."
_GPT_5 = "gpt-5-2025-08-07"
_SCHEMA = (
    '{"type":"json_schema","json_schema":{"name":"function","strict":true,"schema":{"type":"object","properties":'
    '{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}}}'
)
_READ = ("read_file", {"path": "src/add.py"})


def _completes(words: str, seed: str, model: str = _GPT_5) -> Reply:
    return openai.reply(openai.completion(words, model=model, seed=seed), seed)


def _streams(words: str, seed: str, model: str = _GPT_5) -> Reply:
    return openai.stream_reply(openai.completion(words, model=model, seed=seed), seed)


def _claude(seed: str, *blocks: Object) -> Reply:
    return anthropic.stream_reply(anthropic.message(blocks, "claude-sonnet-5", seed), seed)


def _claude_whole(seed: str, *blocks: Object) -> Reply:
    return anthropic.reply(anthropic.message(blocks, "claude-sonnet-5", seed), seed)


def _gemini_events(*parts: Object) -> Reply:
    return gemini_calls("java", *parts, model="gemini-2.5-pro")


PYCHARM = (
    Situation("pycharm/models-list", "The models that the IDE can choose from", ("models",), (("models", "-"),), ()),
    Situation(
        "pycharm/chat", "One answer, not streamed", ("chat",), (("chat", "gpt-5"),), answers(_completes(_ADD, "chat"))
    ),
    Situation(
        "pycharm/chat-async",
        "One answer, not streamed, to the asynchronous client",
        ("chat",),
        (("chat-async", "gpt-4.1"),),
        answers(_completes(_ADD, "async", "gpt-4.1-2025-04-14")),
    ),
    Situation(
        "pycharm/chat-streamed",
        "A streamed answer with its usage",
        ("chat", "stream", "usage"),
        (("stream", "gpt-5"),),
        answers(_streams(_ADD, "stream")),
    ),
    Situation(
        "pycharm/chat-streamed-async",
        "A streamed answer to the asynchronous client, which does not ask for the usage",
        ("chat", "stream"),
        (("stream-async", "gpt-4.1"),),
        answers(_streams(_ADD, "stream async", "gpt-4.1-2025-04-14")),
    ),
    Situation(
        "pycharm/tool-call-streamed",
        "A tool call comes in pieces, and its result goes back",
        ("chat", "stream", "tools", "tool-loop"),
        (("tool-loop", "gpt-5"),),
        answers(
            openai.stream_reply(openai.completion(None, [openai.tool_call(*_READ)], _GPT_5, "tool"), "tool"),
            _streams(_ADD, "after the tool"),
        ),
    ),
    Situation(
        "pycharm/calls-at-once",
        "One prompt becomes four calls at once, two by two the same",
        ("chat", "together"),
        (("fan-out", "gpt-5-mini"),),
        answers(*(_completes("Part of the answer.", f"part {n}", "gpt-5-mini-2025-08-07") for n in range(4))),
    ),
    Situation(
        "pycharm/fifteen-calls-at-once",
        "One prompt becomes fifteen calls with equal bodies",
        ("chat", "together"),
        (("fan-out-of-equals", "gpt-5-mini"),),
        answers(*(_completes("Part of the answer.", f"equal {n}", "gpt-5-mini-2025-08-07") for n in range(15))),
    ),
    Situation(
        "pycharm/server-error-retried",
        "A server error that outlasts the gateway's retries reaches the client, which tries again",
        ("chat", "errors", "retries"),
        (("chat", "gpt-5"),),
        answers(
            *(openai.error_reply(500, "The server had an error", n) for n in range(3)),
            _completes(_ADD, "after the error"),
        ),
    ),
    Situation(
        "pycharm/rate-limit-hidden",
        "One rate limit is hidden by the gateway's retry",
        ("chat", "stream", "errors", "retries"),
        (("stream", "gpt-5"),),
        answers(
            openai.error_reply(429, "Rate limit reached", 1, (("retry-after", "1"),)), _streams(_ADD, "after the limit")
        ),
    ),
    Situation(
        "pycharm/bad-request",
        "What the provider refuses is refused at once",
        ("chat", "errors"),
        (("chat", "gpt-5"),),
        answers(openai.error_reply(400, "Invalid value: 'system'", 1, param="messages[0].role")),
        exit_code=1,
    ),
    Situation(
        "pycharm/unknown-model",
        "A model that the gateway does not have",
        ("chat", "errors"),
        (("chat", "no-such-model"),),
        (),
        exit_code=1,
    ),
    Situation(
        "pycharm/stream-cut",
        "The provider hangs up in the middle of a text",
        ("chat", "stream", "errors", "cuts"),
        (("stream", "gpt-5"),),
        answers(broken(_streams(_ADD, "cut"), 3, Cut("fin"))),
        exit_code=1,
    ),
    Situation(
        "pycharm/error-in-mid-stream",
        "The provider reports an error in the middle of a text",
        ("chat", "stream", "errors", "mid-stream-error"),
        (("stream", "gpt-5"),),
        answers(broken(_streams(_ADD, "error"), 3, openai.error_event(500, "The server had an error"))),
        exit_code=1,
    ),
    Situation(
        "pycharm/with-memory",
        "A model behind a memory: the provider is reached through it, and told whose memory it is",
        ("chat", "stream", "memory"),
        (("stream", "gpt-5-memory"),),
        answers(_streams(_ADD, "memory")),
    ),
    Situation(
        "pycharm/claude-streamed",
        "A Claude model speaks OpenAI's protocol, with its usage",
        ("chat", "stream", "usage", "translation"),
        (("stream", "claude-sonnet-5"),),
        answers(_claude("translated", anthropic.text(_ADD))),
    ),
    Situation(
        "pycharm/claude-tool-call-streamed",
        "A Claude model's tool call comes in pieces in OpenAI's protocol, and its result goes back",
        ("chat", "stream", "tools", "tool-loop", "translation"),
        (("tool-loop", "claude-sonnet-5"),),
        answers(
            _claude("translated tool", anthropic.text("I read it."), anthropic.tool_use(*_READ, "translated tool")),
            _claude("after the translated tool", anthropic.text(_ADD)),
        ),
    ),
    Situation(
        "pycharm/gemini-streamed",
        "A Gemini model speaks OpenAI's protocol",
        ("chat", "stream", "translation"),
        (("stream", "gemini-2.5-flash"),),
        answers(gemini.stream_reply(_ADD, "gemini-2.5-flash", "streamed")),
    ),
    Situation(
        "pycharm/five-stops",
        "More stop sequences than OpenAI takes, as an IDE's completion sends them",
        ("chat", "stream", "options"),
        (("stream", "gpt-4.1", '{"stop":["\\n","\\n\\n","```","def ","class "],"max_tokens":64,"temperature":0.0}'),),
        answers(_streams("return a + b", "stops", "gpt-4.1-2025-04-14")),
    ),
    Situation(
        "pycharm/json-schema",
        "An answer in the form of a schema",
        ("chat", "json", "structured-output"),
        (("chat", "gpt-5-mini", f'{{"response_format":{_SCHEMA}}}'),),
        answers(_completes('{"name":"add"}', "schema", "gpt-5-mini-2025-08-07")),
    ),
    Situation(
        "pycharm/claude-json-schema-async",
        "A Claude model's answer in the form of a schema",
        ("chat", "json", "structured-output", "translation"),
        (("chat-async", "claude-sonnet-4-5", f'{{"response_format":{_SCHEMA}}}'),),
        answers(_claude_whole("translated schema", anthropic.text('{"name":"add"}'))),
    ),
    Situation(
        "pycharm/reasoning-effort",
        "An effort, and an answer whose usage counts the reasoning",
        ("chat", "stream", "reasoning", "usage"),
        (("stream", "gpt-5", '{"reasoning_effort":"high","max_completion_tokens":900}'),),
        answers(_streams(_ADD, "effort")),
    ),
    Situation(
        "pycharm/claude-thinking-streamed",
        "A Claude model thinks before it answers",
        ("chat", "stream", "reasoning", "translation"),
        (("stream-async", "claude-opus-4-8", '{"reasoning_effort":"medium"}'),),
        answers(_claude("translated thought", anthropic.thinking("A small sum.", "java"), anthropic.text(_ADD))),
    ),
    Situation(
        "pycharm/claude-error-in-mid-stream",
        "Anthropic reports that it is overloaded in the middle of a text",
        ("chat", "stream", "errors", "mid-stream-error", "translation"),
        (("stream", "claude-haiku-4-5-20251001"),),
        answers(broken(_claude("translated error", anthropic.text(_ADD)), 5, anthropic.error_event(529, "Overloaded"))),
        exit_code=1,
    ),
    Situation(
        "pycharm/claude-bad-request",
        "What Anthropic refuses is told in OpenAI's words",
        ("chat", "errors", "translation"),
        (("chat", "claude-sonnet-4-5-20250929"),),
        answers(anthropic.error_reply(400, "messages: roles must alternate", "java")),
        exit_code=1,
    ),
    Situation(
        "pycharm/gemini-tool-call",
        "A Gemini model calls a tool, and its result goes back",
        ("chat", "stream", "tools", "tool-loop", "translation"),
        (("tool-loop", "gemini-2.5-pro"),),
        answers(
            _gemini_events(gemini.function_call(*_READ)),
            gemini.stream_reply(_ADD, "gemini-2.5-pro", "after the call"),
        ),
    ),
    Situation(
        "pycharm/gemini-bad-request",
        "What Google refuses is told in OpenAI's words",
        ("chat", "stream", "errors", "translation"),
        (("stream", "gemini-2.5-flash"),),
        answers(gemini.error_reply(400, "Invalid value at 'contents'")),
        exit_code=1,
    ),
)
