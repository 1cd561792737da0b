"""JSON in spellings that no JSON library writes: non-finite numbers, repeated keys, lone surrogates, any whitespace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Spelling = Literal["compact", "blanks", "indented", "escaped"]
SPELLINGS: tuple[Spelling, ...] = ("compact", "blanks", "indented", "escaped")
Place = tuple[Any, Any]  # a container of a tree, and a key or index of it


@dataclass(frozen=True, slots=True)
class Spelled:
    """A value that is written as this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """A key of an object that may have the same `name` as another key of it."""

    name: str


def to_bytes(tree: Any, spelling: Spelling = "compact") -> bytes:
    """Return the JSON text of a tree of JSON values, `Spelled` values and `Repeated` keys."""
    comma, colon = (",", ":") if spelling in ("compact", "escaped") else (", ", ": ")
    if spelling == "indented":
        comma, colon = ",\n  ", " :\t"
    encode: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=spelling == "escaped").encode

    def text_of(node: Any) -> str:
        if isinstance(node, Spelled):
            return node.text
        if isinstance(node, dict):
            pairs = (f"{encode(key.name if isinstance(key, Repeated) else key)}{colon}" for key in node)
            return "{" + comma.join(map(str.__add__, pairs, map(text_of, node.values()))) + "}"
        if isinstance(node, list):
            return "[" + comma.join(map(text_of, node)) + "]"
        return encode(node)

    return text_of(tree).encode()


def places_of(tree: Any) -> Iterator[Place]:
    """Yield every place of a tree, the outer ones first."""
    keys = [*tree] if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
    for key in keys:
        yield from places_of(tree[key])
