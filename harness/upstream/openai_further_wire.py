"""OpenAI's embeddings and text completions, as the provider writes them (platform.openai.com, "API reference")."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Sequence

from harness.model import Reply, Send
from harness.upstream.openai_wire import DONE, headers
from harness.upstream.wire import CREATED, Object, event, identifier, json_reply, pieces
from harness.upstream.wire import stream_reply as _stream_reply

EMBEDDING_MODEL = "text-embedding-3-small"
COMPLETION_MODEL = "gpt-3.5-turbo-instruct:20230824-v2"


def embeddings(vectors: Sequence[Sequence[float]], seed: object = 1, encoded: bool = False) -> Reply:
    """`encoded`: with `encoding_format: base64` each is a text of little-endian floats of 32 bits."""
    data = [
        {"object": "embedding", "index": number, "embedding": _packed(each) if encoded else [*each]}
        for number, each in enumerate(vectors)
    ]
    used = {"prompt_tokens": 8 * len(data), "total_tokens": 8 * len(data)}
    return json_reply({"object": "list", "data": data, "model": EMBEDDING_MODEL, "usage": used}, headers(seed))


def completion(text: str, seed: object = 1) -> Reply:
    whole = _completion(seed, text, "stop") | {"usage": _used()}
    return json_reply(whole, headers(seed))


def completion_streams(text: str, seed: object = 1, parts: int = 4, include_usage: bool = False) -> Reply:
    said: list[Send] = [event(_completion(seed, part, None)) for part in pieces(text, parts)]
    said.append(event(_completion(seed, "", "stop")))
    if include_usage:
        said.append(event(_completion(seed, "", None) | {"choices": [], "usage": _used()}))
    return _stream_reply((*said, DONE), headers(seed))


def _packed(vector: Sequence[float]) -> str:
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _completion(seed: object, text: str, finish: str | None) -> Object:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
    head = {"id": identifier("cmpl-", seed, 29), "object": "text_completion", "created": CREATED}
    return {**head, "model": COMPLETION_MODEL, "choices": [choice]}


def _used() -> Object:
    return {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10}
