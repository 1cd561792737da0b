"""Gemini generateContent, as the provider writes it (ai.google.dev, "GenerateContentResponse")."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model import Reply, Send
from harness.upstream.wire import Object, encoded, identifier, json_reply, pieces
from harness.upstream.wire import stream_reply as _stream_reply

MODEL = "gemini-2.5-flash"
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
_STATUS |= {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}


def text(content: str) -> Object:
    return {"text": content}


def function_call(name: str, arguments: Object) -> Object:
    return {"functionCall": {"name": name, "args": arguments}}


def content(*parts: Object, model: str = MODEL, seed: object = 1, finish: str | None = "STOP") -> Object:
    """A `GenerateContentResponse`; without a finish reason it is one of a stream that goes on."""
    candidate: Object = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": 8,
            "candidatesTokenCount": 10,
            "totalTokenCount": 18,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
        },
        "modelVersion": model,
        "responseId": identifier("", seed, 22),
    }


def stream(words: str, model: str = MODEL, seed: object = 1, parts: int = 4) -> tuple[Send, ...]:
    """With `alt=sse`: data-only events with CRLF line ends, and no `[DONE]`."""
    return tuple(Send(b"data: " + encoded(data) + b"\r\n\r\n") for data in _contents(words, model, seed, parts))


def _contents(words: str, model: str, seed: object, parts: int) -> Iterator[Object]:
    texts = pieces(words, parts)
    for number, part in enumerate(texts, start=1):
        yield content(text(part), model=model, seed=seed, finish="STOP" if number == len(texts) else None)


def reply(whole: Object) -> Reply:
    return json_reply(whole)


def stream_reply(words: str, model: str = MODEL, seed: object = 1, parts: int = 4) -> Reply:
    return _stream_reply(stream(words, model, seed, parts))


def error_reply(status: int, words: str) -> Reply:
    problem = {"code": status, "message": words, "status": _STATUS.get(status, "UNKNOWN")}
    return json_reply({"error": problem}, status=status)
