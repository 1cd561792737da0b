"""The situations of openai-python: those of both OpenAI SDKs, and what scripts do beside."""

from __future__ import annotations

from dataclasses import replace

import harness.situations.replies as say
from harness.model import Reply
from harness.situations.openai_routes import situations as of_further_routes
from harness.situations.openai_sdk import READ, RESULTS, TOOLS, USAGE, situations
from harness.situations.sdk_calls import CREATE, STREAM, Asks, call, runs
from harness.upstream import anthropic_wire as anthropic
from harness.upstream import gemini_wire as gemini
from harness.upstream import openai_wire as openai
from harness.upstream.wire import Object

_ASKS = Asks("openai-python")
_COOKIE = (("set-cookie", "__cf_bm=0123456789abcdef; Path=/; HttpOnly"),)
_ONCE: Object = {"retries": 0}
_WHO: Object = {"headers": {"OpenAI-Organization": "org-example", "Idempotency-Key": "stainless-python-retry-1"}}
_LIKELY = {"content": [{"token": "It", "logprob": -0.01, "bytes": [73, 116], "top_logprobs": []}], "refusal": None}


def _with_cookie(reply: Reply) -> Reply:
    return replace(reply, headers=(*reply.headers, *_COOKIE))


OPENAI_PYTHON = (
    *situations(_ASKS),
    *of_further_routes(_ASKS),
    _ASKS.one(
        "asynchronous-streamed",
        "The asynchronous client reads a stream",
        "chat stream usage",
        {"model": "gpt-5", **USAGE},
        say.gpt_streams("py async", model=say.GPT_5),
        client={"async": True},
    ),
    _ASKS.one(
        "structured-output-streamed",
        "The helper for streams asks for a schema and reads the answer against it",
        "chat stream json structured-output",
        {"model": "gpt-4.1", "response_format": {"type": "json_object"}},
        say.gpt_streams("py helper", '{"city":"Basel"}'),
        call=STREAM,
    ),
    _ASKS.one(
        "log-probabilities",
        "The probability of each token comes with the answer",
        "chat options",
        {"model": "gpt-4.1", "logprobs": True, "top_logprobs": 2},
        say.gpt_choices("py likely", [{**say.answer("It"), "logprobs": _LIKELY}]),
    ),
    _ASKS.one(
        "refusal",
        "The model refuses, and says so in a field of its own",
        "chat stop-reasons",
        {"model": "gpt-5"},
        say.gpt_choices("py refusal", [{**say.answer(None, refusal="I cannot help with that.")}]),
    ),
    _ASKS.one(
        "filtered",
        "A filter ends the answer",
        "chat stop-reasons",
        {"model": "gpt-4.1"},
        say.gpt_choices("py filter", [{**say.answer(""), "finish_reason": "content_filter"}]),
    ),
    _ASKS.one(
        "options-of-openai",
        "Penalties, biases, metadata and a cache key reach the provider as they were given",
        "chat options",
        {
            "model": "gpt-4.1",
            "frequency_penalty": 0.1,
            "presence_penalty": -0.1,
            "logit_bias": {"50256": -100},
            "metadata": {"project": "seven"},
            "store": False,
            "service_tier": "default",
            "prompt_cache_key": "project-0123456789",
            "safety_identifier": "user-0123456789",
        },
        say.gpt("py options"),
    ),
    _ASKS.one(
        "fields-that-nobody-knows",
        "Fields that no protocol has",
        "chat options",
        {"model": "gpt-5-mini", "extra_body": {"top_k": 5, "my_own_field": {"deep": [1, 2.5, None]}}},
        say.gpt("py unknown", model=say.GPT_5_MINI),
    ),
    _ASKS.one(
        "headers-of-its-own",
        "An organization and an idempotency key",
        "chat headers",
        {"model": "gpt-4.1"},
        say.gpt("py headers"),
        client=_WHO,
    ),
    _ASKS.of(
        "cookies-stay-behind-the-gateway",
        "A cookie of the provider does not reach a client that would send it back",
        "chat cookies",
        runs(
            *(
                call(CREATE, _ASKS.asked("cookies", f"call {number}", {"model": "claude-haiku-4-5-20251001"}))
                for number in range(2)
            )
        ),
        *(_with_cookie(say.claude(seed)) for seed in ("py cookie 1", "py cookie 2")),
    ),
    _ASKS.one(
        "claude-redacted-thinking",
        "A thought that nobody can read stands before the answer",
        "chat reasoning translation",
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 2000,
            "extra_body": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        },
        say.claude("py redacted", anthropic.redacted_thinking(), anthropic.text(say.SAID)),
    ),
    _ASKS.one(
        "gemini-thought-signature",
        "The signature of a Gemini model's thought goes back with the tool's result",
        "chat tools tool-loop reasoning translation",
        {"model": "gemini-2.5-pro", **TOOLS},
        say.gemini_says(
            "py signed 1",
            {**gemini.function_call(*READ), "thoughtSignature": "EqQBCkYIB0123456789abcdefghijklmnop=="},
            model="gemini-2.5-pro",
        ),
        say.gemini_says("py signed 2", model="gemini-2.5-pro"),
        results=RESULTS,
    ),
    _ASKS.one(
        "claude-cache-control",
        "A mark for Anthropic's cache in a part of a message reaches Anthropic",
        "chat cache translation",
        {
            "model": "claude-sonnet-4-5-20250929",
            "messages": [
                {
                    "role": "system",
                    "content": [{"type": "text", "text": "A long text. " * 20, "cache_control": {"type": "ephemeral"}}],
                }
            ],
        },
        say.claude("py marks", used=anthropic.usage(9, 12, cache_creation=300)),
    ),
    _ASKS.one(
        "server-error-retried",
        "A server error that outlasts the gateway's retries; the client tries again",
        "chat errors retries",
        {"model": "gpt-5"},
        *(openai.error_reply(503, "The server is overloaded", f"py 503 {number}") for number in range(3)),
        say.gpt("py again", model=say.GPT_5),
    ),
    _ASKS.one(
        "upstream-409",
        "A conflict that the client is told not to repeat",
        "chat errors retries",
        {"model": "gpt-4.1"},
        *(
            openai.error_reply(409, "The resource is being changed", f"py 409 {number}", (("x-should-retry", "false"),))
            for number in range(3)
        ),
        fails=True,
        client=_ONCE,
    ),
    _ASKS.one(
        "upstream-422",
        "What the provider understands and cannot do: LiteLLM asks twice, and answers with nothing",
        "chat errors",
        {"model": "gpt-5-mini"},
        *(openai.error_reply(422, "The picture is too small", f"py 422 {number}") for number in range(2)),
        client=_ONCE,
    ),
    _ASKS.one(
        "upstream-403",
        "A country that the provider does not serve",
        "chat errors",
        {"model": "gpt-5"},
        *(openai.error_reply(403, "Country not supported", f"py 403 {number}") for number in range(3)),
        fails=True,
    ),
    _ASKS.one(
        "client-leaves-before-the-answer",
        "The client's patience ends before the provider answers",
        "chat disconnect timeout",
        {"model": "gpt-4.1"},
        say.late(say.gpt("py late"), 2.0),
        fails=True,
        client={"retries": 0, "timeout": 1.0},
    ),
)
