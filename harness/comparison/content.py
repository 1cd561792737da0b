"""The bytes of a body -> what a client reads in them: undone content-encoding, JSON as a tree, text, or base64."""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from decimal import Decimal
from functools import lru_cache

import orjson

from harness.model import Json

_DEEPEST = 100  # levels of JSON; what nests deeper is compared as text

# Where the fast reader is not asked: a number of more digits than a float is sure to hold (15, IEEE 754 binary64), and
# a key that ends in a backslash, which would hide it from the next pattern.
_DOUBTFUL = re.compile(r'[\d.]{17}|\\\\"\s*:')
_FIRST_KEY = re.compile(r'[\s\[{]*"(?:[^"\\]|\\.)*"(\s*:\s*)')
_KEY_END = re.compile(r'(?<!\\)"\s*:')  # a quote within a text has a backslash before it

# RFC 9110, section 8.4.1; zlib's window bits: 47 reads gzip and zlib by their own headers.
_INFLATABLE = {"gzip": 47, "x-gzip": 47, "deflate": 47}


def decoded(body: bytes, encoding: str | None) -> bytes | None:
    """The body without its content-encoding, as far as it goes where it was cut; None: cannot be undone here."""
    for name in reversed([part.strip().lower() for part in (encoding or "").split(",")]):
        if name in ("", "identity"):
            continue
        inflated = _inflated(body, _INFLATABLE[name]) if name in _INFLATABLE else None
        if inflated is None:
            return None
        body = inflated
    return body


def readable(body: bytes) -> Json:
    """A JSON object or array as a tree; everything else as its text, so that `"1"`, `1` and no JSON at all differ."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(body).decode('ascii')}"
    return tree_or_text(text)


@lru_cache(maxsize=64)  # what several targets said alike is read once: nobody changes a tree
def tree_or_text(text: str) -> Json:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = _quickly(text)
        if value is None:
            value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused, parse_float=_exact)
    except (ValueError, RecursionError):
        return text
    return text if _too_deep(value) else value


def written(text: str) -> list[str]:
    """How a JSON text is written, where it says the same either way: with "blanks" behind its commas and colons, with
    "escapes" for what is not ASCII, with a "line end"."""
    found = _FIRST_KEY.match(text)
    ways = {
        "blanks": found is not None and len(found[1]) > 1,
        "escapes": "\\u" in text,
        "line end": text != text.rstrip(),
    }
    return [way for way, so in ways.items() if so]


def _quickly(text: str) -> Json:
    """The same by a faster reader; None where that one could see something else: a repeated key, a number too large."""
    if _DOUBTFUL.search(text):
        return None
    try:
        value: Json = orjson.loads(text)
    except ValueError:
        return None
    return value if len(_KEY_END.findall(text)) == _keys(value) else None


def _keys(value: Json) -> int:
    """In all of its objects."""
    match value:
        case dict():
            return len(value) + sum(_keys(item) for item in value.values() if isinstance(item, dict | list))
        case list():
            return sum(_keys(item) for item in value if isinstance(item, dict | list))
        case _:
            return 0


def _inflated(body: bytes, window: int) -> bytes | None:
    """All members of a gzip file; some senders of `deflate` leave zlib's header out (RFC 9110, section 8.4.1.2)."""
    whole = b""
    while body:
        stream = zlib.decompressobj(window)
        try:
            whole += stream.decompress(body)
        except zlib.error:
            return None if window < 0 or whole else _inflated(body, -15)
        body = stream.unused_data
    return whole


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a repeated key")
    return dict(pairs)


def _refused(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _exact(text: str) -> float | str:
    """Return the number, or its digits where a float would lose some of them: a gateway that loses them is seen."""
    if math.isinf(number := float(text)):
        raise ValueError("out of range")
    return number if Decimal(text) == Decimal(repr(number)) else f"number {text}"


def _too_deep(value: Json) -> bool:
    layer: list[Json] = [value]
    for _ in range(_DEEPEST):
        layer = [child for item in layer for child in _children(item)]
        if not layer:
            return False
    return True


def _children(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
