"""Whether what was sent of a stream is the whole answer: its protocol's last event is in it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable

from harness.event_stream import ServerEvent, parse
from harness.model import Headers, header

_LAST = ("error", "message_stop", "response.completed", "response.failed", "response.incomplete")


def is_whole(headers: Headers, data: bytes) -> bool:
    """Whether a client has no reason to wait for more: it may hang up now, and codex and openai-node do."""
    events, _ = parse(_plain(data, header(headers, "content-encoding")))
    return any(is_last(event) for event in events)


def is_last(event: ServerEvent) -> bool:
    """OpenAI's `[DONE]`, Anthropic's `message_stop`, the ends of a response, and Gemini's `finishReason`.

    Anthropic's `message_delta` with a stop reason as well: nothing but `message_stop` comes after it, and where LiteLLM
    1.106.2 makes a text completion of it, it leaves there, or not: when its garbage is collected decides. So it does
    behind an error, which ends an answer as well, whatever is said after it.
    """
    if event.data.strip() == "[DONE]":
        return True
    try:
        tree = json.loads(event.data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(tree, dict):
        return False
    candidates = tree.get("candidates")
    delta = tree.get("delta")
    stopped = tree.get("type") == "message_delta" and isinstance(delta, dict) and bool(delta.get("stop_reason"))
    ended = tree.get("type") in _LAST or isinstance(tree.get("error"), dict)
    return stopped or ended or _finished(candidates if isinstance(candidates, list) else ())


def _finished(candidates: Iterable[object]) -> bool:
    return any(isinstance(each, dict) and bool(each.get("finishReason")) for each in candidates)


def _plain(data: bytes, encoding: str | None) -> bytes:
    if encoding not in ("gzip", "deflate"):
        return data
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data)  # 32: either header
    except zlib.error:
        return b""
