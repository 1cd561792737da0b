"""An upstream without a script: an answer to any call that a provider would answer, in the protocol of its path."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from harness.model import Reply, Request
from harness.upstream import anthropic_wire, gemini_wire, openai_further_wire, openai_wire, responses_wire
from harness.upstream.wire import Object, json_reply

TEXT = "A short answer that stands for any other."
_VECTOR = (0.0125, -0.5, 0.25)


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said, and in how many parts where it is streamed."""

    text: str = TEXT
    parts: int = 4


_SHORT = Speech()


def autoplay() -> Callable[[Request], Reply]:
    """Answers whatever comes, each time with ids of its own (Claude Code merges answers that share one)."""
    numbers = count(1)
    return lambda request: answer(request, next(numbers))


def answer(request: Request, seed: object = 1, speech: Speech = _SHORT) -> Reply:
    """The reply that the path and the body ask for; 404 in the protocol's shape for a path that no provider has."""
    path, _, query = request.path.partition("?")
    body = _object(request.body)
    if request.method == "GET":
        return _listed(path) or _error(request, 404, "not found")
    for ending, reply in (
        ("/messages/count_tokens", _count_tokens),
        ("/messages", _message),
        ("/chat/completions", _completion),
        ("/completions", _text_completion),
        ("/embeddings", _embeddings),
        ("/responses/input_tokens", _input_tokens),
        ("/responses", _response),
    ):
        if path.endswith(ending):
            return reply(body, seed, speech)
    return _gemini(path, query, seed, speech) or _error(request, 404, "not found")


def nobody_scripted(request: Request) -> Reply:
    """For a call that a scenario does not expect: 400, because gateways and SDKs do not send that one again."""
    return _error(request, 400, f"nobody scripted this call: {request.method} {request.path}")


def _count_tokens(body: Object, seed: object, _: Speech) -> Reply:
    return anthropic_wire.count_tokens(len(json.dumps(body)) // 4, seed)


def _message(body: Object, seed: object, speech: Speech) -> Reply:
    model = body.get("model", anthropic_wire.MODEL)
    whole = anthropic_wire.message([anthropic_wire.text(speech.text)], model, seed)
    if not body.get("stream"):
        return anthropic_wire.reply(whole, seed)
    return anthropic_wire.stream_reply(whole, seed, speech.parts)


def _completion(body: Object, seed: object, speech: Speech) -> Reply:
    whole = openai_wire.completion(speech.text, model=body.get("model", openai_wire.MODEL), seed=seed)
    if not body.get("stream"):
        return openai_wire.reply(whole, seed)
    include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return openai_wire.stream_reply(whole, seed, speech.parts, include_usage)


def _text_completion(body: Object, seed: object, speech: Speech) -> Reply:
    if not body.get("stream"):
        return openai_further_wire.completion(speech.text, seed)
    include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return openai_further_wire.completion_streams(speech.text, seed, speech.parts, include_usage)


def _embeddings(body: Object, seed: object, _: Speech) -> Reply:
    texts = body.get("input")
    number = len(texts) if isinstance(texts, list) and all(isinstance(each, str | list) for each in texts) else 1
    return openai_further_wire.embeddings([_VECTOR] * number, seed, body.get("encoding_format") == "base64")


def _input_tokens(body: Object, _: object, __: Speech) -> Reply:
    return responses_wire.input_tokens(len(json.dumps(body)) // 4)


def _response(body: Object, seed: object, speech: Speech) -> Reply:
    model = body.get("model", openai_wire.MODEL)
    whole = responses_wire.response([responses_wire.message(speech.text, seed)], model, seed)
    if not body.get("stream"):
        return responses_wire.reply(whole, seed)
    return responses_wire.stream_reply(whole, seed, speech.parts)


def _gemini(path: str, query: str, seed: object, speech: Speech) -> Reply | None:
    """`/v1beta/models/<model>:<action>`; LiteLLM keeps a marked part of a prompt under `cachedContents`."""
    model, _, action = path.rpartition("/")[2].partition(":")
    match action:
        case "generateContent":
            return gemini_wire.reply(gemini_wire.content(gemini_wire.text(speech.text), model=model, seed=seed))
        case "streamGenerateContent" if "alt=sse" in query:
            return gemini_wire.stream_reply(speech.text, model, seed, speech.parts)
        case "cachedContents":
            return json_reply({"name": "cachedContents/c1", "model": f"models/{model}", "displayName": "c1"})
        case "countTokens":
            return json_reply({"totalTokens": 8})
    return None


def _listed(path: str) -> Reply | None:
    *_, folder, name = path.split("/")
    if name == "models":
        return openai_wire.reply(openai_wire.models())
    return openai_wire.reply(openai_wire.model_entry(name)) if folder == "models" else None


def _error(request: Request, status: int, words: str) -> Reply:
    if "/messages" in request.path:
        return anthropic_wire.error_reply(status, words)
    if "enerateContent" in request.path:
        return gemini_wire.error_reply(status, words)
    return openai_wire.error_reply(status, words)


def _object(body: bytes) -> Object:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
