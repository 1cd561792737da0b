"""What the provider protocols have in common: JSON bytes, ids, texts in pieces, replies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, TypeAlias

from harness import event_stream
from harness.model import Act, Headers, Reply, Send

Object: TypeAlias = dict[str, Any]  # a JSON object, as the providers document it

CREATED = 1_760_000_000  # the one time of everything that is made up: unix seconds
_ALPHABETS = {"base62": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "hex": "0123456789abcdef"}


def identifier(prefix: str, seed: object, length: int = 24, alphabet: str = "base62") -> str:
    """Looks like a provider's id, and is the same for the same prefix and seed."""
    letters = _ALPHABETS[alphabet]
    number = int.from_bytes(blake2b(f"{prefix}{seed}".encode(), digest_size=64).digest())
    return prefix + "".join(letters[number // len(letters) ** place % len(letters)] for place in range(length))


def encoded(value: object) -> bytes:
    """Compact UTF-8, as the providers write their streams."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def pieces(text: str, count: int = 4) -> list[str]:
    """The text in at most that many parts of about the same length; no part is empty."""
    size = max(1, -(-len(text) // count))
    return [text[begin : begin + size] for begin in range(0, len(text), size)]


def event(data: Object, name: str = "") -> Send:
    return Send(event_stream.encode(encoded(data).decode(), name))


def json_reply(body: Object, headers: Headers = (), status: int = 200) -> Reply:
    return Reply(status, (("content-type", "application/json"), *headers), encoded(body))


def stream_reply(acts: Iterable[Act], headers: Headers = ()) -> Reply:
    return Reply(200, (("content-type", "text/event-stream; charset=utf-8"), *headers), acts=tuple(acts))
