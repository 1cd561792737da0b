"""What both of OpenAI's SDKs ask on the other routes than the chat's: responses, embeddings, text completions."""

from __future__ import annotations

from collections.abc import Sequence

import harness.situations.replies as say
from harness.model import Reply, Send
from harness.situations.openai_sdk import LIST, RESULTS
from harness.situations.sdk_calls import Asks, call, runs
from harness.situations.situation import Situation, broken
from harness.upstream import openai_further_wire as further
from harness.upstream import openai_wire as openai
from harness.upstream import responses_wire as responses
from harness.upstream.wire import Object, event

_CREATE, _STREAM = "responses.create", "responses.stream"
_LIST = {"type": "function", "name": "list_files", "description": "List the files", "strict": True}
_NOTHING = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
_TOOLS: Object = {"tools": [{**_LIST, "parameters": _NOTHING}]}
_VECTOR = (0.0125, -0.5, 0.25, 0.75)


def situations(asks: Asks) -> tuple[Situation, ...]:
    return (*_responses(asks), *_translated(asks), *_embeddings(asks), *_completions(asks))


def _says(seed: str, *items: Object, streamed: bool = False, used: Object | None = None) -> Reply:
    whole = responses.response(items or (responses.message(say.SAID, seed),), say.GPT_5, seed, used)
    return (responses.stream_reply if streamed else responses.reply)(whole, seed)


def _one(
    asks: Asks, name: str, title: str, given: Object, *replies: Reply, to: str = _CREATE, **more: object
) -> Situation:
    """A call of the Responses API, with the question as the last item of its input."""
    asked = {**given, "input": [*given.get("input", ()), {"role": "user", "content": asks.question(name, title)}]}
    covers = "responses stream" if given.get("stream") or to == _STREAM else "responses"
    fails = bool(more.pop("fails", False))
    return asks.of(name, title, covers, runs(call(to, asked, **more)), *replies, fails=fails)


def _responses(asks: Asks) -> tuple[Situation, ...]:
    seed = f"{asks.client} responses"
    return (
        _one(
            asks,
            "responses",
            "A response, with instructions, a limit, an effort and metadata",
            {
                "model": "gpt-5",
                "instructions": "Be short.",
                "max_output_tokens": 400,
                "reasoning": {"effort": "low"},
                "metadata": {"project": "seven"},
                "store": False,
            },
            _says(seed, used=responses.usage(2006, 96, cached=1920, reasoning=64)),
        ),
        _one(
            asks,
            "responses-streamed",
            "A response, streamed",
            {"model": "gpt-5-mini", "stream": True},
            _says(f"{seed} s", streamed=True),
        ),
        _one(
            asks,
            "responses-tool-loop-streamed",
            "A tool is called in a streamed response; its result goes back with what was said",
            {"model": "gpt-5", **_TOOLS},
            _says(f"{seed} tool 1", responses.function_call(*LIST, f"{seed} tool"), streamed=True),
            _says(f"{seed} tool 2", streamed=True),
            to=_STREAM,
            results=RESULTS,
        ),
        _one(
            asks,
            "responses-json-schema",
            "A response that fills a schema",
            {"model": "gpt-4.1", "text": {"format": {"type": "json_object"}, "verbosity": "low"}},
            _says(f"{seed} json", responses.message('{"city":"Basel"}', seed)),
        ),
        _one(
            asks,
            "responses-bad-request",
            "OpenAI refuses a response",
            {"model": "gpt-5", "top_p": 0.5},
            openai.error_reply(400, "Unsupported parameter: 'top_p'", f"{seed} 400", param="top_p"),
            fails=True,
        ),
        _one(
            asks,
            "responses-stream-fails",
            "A streamed response fails in the middle of its text",
            {"model": "gpt-5", "stream": True},
            broken(_says(f"{seed} fails", streamed=True), 6, _failed(f"{seed} fails")),
        ),
    )


def _failed(seed: str) -> Send:
    wrong = {"code": "server_error", "message": "The model failed"}
    whole = {**responses.response((), say.GPT_5, seed), "status": "failed", "error": wrong, "usage": None}
    return event({"type": "response.failed", "sequence_number": 6, "response": whole}, "response.failed")


def _translated(asks: Asks) -> tuple[Situation, ...]:
    seed = f"{asks.client} responses"
    return (
        _one(
            asks,
            "responses-of-claude-streamed",
            "A Claude model answers in the Responses protocol, streamed",
            {"model": "claude-sonnet-5", "instructions": "Be short.", "max_output_tokens": 300, "stream": True},
            say.claude_streams(f"{seed} claude"),
        ),
        _one(
            asks,
            "responses-of-gemini",
            "A Gemini model answers in the Responses protocol",
            {"model": "gemini-2.5-flash", "max_output_tokens": 300},
            say.gemini_says(f"{seed} gemini", model="gemini-2.5-flash"),
        ),
    )


def _asking(asks: Asks, name: str, title: str, to: str, given: Object, reply: Reply) -> Situation:
    covers = f"{to.partition('.')[0]}{' stream' if given.get('stream') else ''}"
    return asks.of(name, title, covers, runs(call(to, given)), reply)


def _embeddings(asks: Asks) -> tuple[Situation, ...]:
    def embedded(name: str, title: str, reply: Reply, texts: Sequence[str], **options: object) -> Situation:
        given = {"model": further.EMBEDDING_MODEL, "input": [asks.question(name, each) for each in texts], **options}
        return _asking(asks, name, title, "embeddings.create", given, reply)

    packed = further.embeddings([_VECTOR], f"{asks.client} e", encoded=True)
    plain = further.embeddings([_VECTOR[:2], _VECTOR[2:]], f"{asks.client} e 2")
    return (
        embedded("embeddings", "A text becomes numbers, packed as the SDK asks for them by itself", packed, ["one"]),
        embedded(
            "embeddings-of-several",
            "Two texts become numbers, in the form and the dimensions that were asked for",
            plain,
            ["one", "two"],
            encoding_format="float",
            dimensions=2,
        ),
    )


def _completions(asks: Asks) -> tuple[Situation, ...]:
    seed = f"{asks.client} completion"

    def completed(name: str, title: str, reply: Reply, **options: object) -> Situation:
        given = {"model": "gpt-3.5-turbo-instruct", "prompt": asks.question(name, title), "max_tokens": 16, **options}
        return _asking(asks, name, title, "completions.create", given, reply)

    return (
        completed(
            "completion", "A prompt is completed", further.completion(" A sum.", seed), temperature=0, stop=["\n"]
        ),
        completed(
            "completion-streamed",
            "A prompt is completed, streamed",
            further.completion_streams(" It adds two numbers.", f"{seed} s"),
            stream=True,
        ),
    )
