"""Whether a target counts the same tokens twice in the same way: streamed and whole, asked for beforehand and used.

Only where a scenario asks the same thing in two steps. A gateway that is wrong in one of the two (LiteLLM #41406) may
be wrong like its baseline: this speaks about one target alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from harness.model import Exchange, Json

_HOW = frozenset({"stream", "stream_options"})  # how the answer comes, not what it is
_WORTH = ("model", "messages", "system", "tools", "thinking", "tool_choice")  # what count_tokens counts
_INPUT, _OUTPUT = ("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")
_CACHE = ("cache_creation_input_tokens", "cache_read_input_tokens")  # Anthropic counts them beside the input


def disagreements(exchanges: Mapping[int, tuple[Exchange, Json]]) -> list[Json]:
    """Of steps (exchange and its compared tree): "steps 0 and 1: input 12 and 0", each of two that ask the same."""
    if len(exchanges) < 2:
        return []
    told = {step: (_asked(exchange), _counts(exchange, seen)) for step, (exchange, seen) in exchanges.items()}
    return [
        f"steps {one} and {other}: {wrong}"
        for one, other in combinations(sorted(told), 2)
        for wrong in _unlike(told[one], told[other])
    ]


def _unlike(one: tuple[Any, dict[str, int]], other: tuple[Any, dict[str, int]]) -> Iterator[str]:
    (asked, ours), (also, theirs) = one, other
    if asked is None or also is None:
        return
    counting = asked["counts"] or also["counts"]
    keys = ("input",) if counting else ("input", "output")
    if asked["worth"] == also["worth"] and (counting or asked["whole"] == also["whole"]):
        yield from (
            f"{key} {ours[key]} and {theirs[key]}"
            for key in keys
            if key in ours and key in theirs and ours[key] != theirs[key]
        )


def _asked(exchange: Exchange) -> dict[str, Any] | None:
    """What the request asks for; None where that is no JSON object."""
    try:
        body = json.loads(exchange.request.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    path = exchange.request.path.partition("?")[0]
    return {
        "counts": path.endswith("/count_tokens"),
        "worth": (path.removesuffix("/count_tokens"), {key: body.get(key) for key in _WORTH}),
        "whole": {key: value for key, value in body.items() if key not in _HOW},
    }


def _counts(exchange: Exchange, seen: Json) -> dict[str, int]:
    """Tokens of input, those of the cache among them, and of output."""
    response = _at(seen, "response")
    whole = _at(response, "stream", "message") or _at(response, "body")
    usage = whole if "/count_tokens" in exchange.request.path else _at(whole, "usage")
    tokens = {key: value for key, value in (usage if isinstance(usage, dict) else {}).items() if type(value) is int}
    inputs = [tokens[key] for key in _INPUT if key in tokens]
    outputs = [tokens[key] for key in _OUTPUT if key in tokens]
    cached = sum(tokens.get(key, 0) for key in _CACHE) if _INPUT[0] in tokens else 0
    return {
        **({"input": inputs[0] + cached} if inputs else {}),
        **({"output": outputs[0]} if outputs else {}),
    }


def _at(value: Json, *keys: str) -> Json:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
