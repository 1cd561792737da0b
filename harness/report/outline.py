"""A tree as lines that can be laid beside another's: small things on one line, long texts cut."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from enum import Enum, auto

from harness.model import Json
from harness.report.places import shown


class Same(Enum):
    """Nothing else is beside it."""

    SAME = auto()


WIDTH = 160  # characters of a line that holds a whole object


def outline(value: Json, longest: int = 240, other: Json | Same = Same.SAME) -> list[str]:
    """Indented by one blank a level. `other` is what it is laid beside: where they differ, each thing has its own line.

    A text of more than `longest` characters is cut, and says how long it is and, as two that begin alike may differ
    behind the cut, the first digits of its SHA-256.
    """
    return _lines("", value, other, longest)


def cut(text: str, longest: int) -> str:
    """As a JSON text; what was cut off is told behind it."""
    if len(text) <= longest:
        return shown(text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{shown(text[:longest])[:-1]}… ({len(text):,} characters, {digest})"


def apart(baseline: str, candidate: str, longest: int) -> tuple[str, str]:
    """Two long texts, cut to the place where they part."""
    start = max(0, _same(baseline, candidate) - longest // 4)
    if max(len(baseline), len(candidate)) <= longest:
        return shown(baseline), shown(candidate)
    return _window(baseline, start, longest), _window(candidate, start, longest)


def _lines(name: str, value: Json, other: Json | Same, longest: int) -> list[str]:
    alike = other is Same.SAME or value == other
    match value:
        case dict() if value:
            beside = other if isinstance(other, dict) else {}
            items = ((key, item, Same.SAME if alike else beside.get(key, Same.SAME)) for key, item in value.items())
            children = [_lines(f"{json.dumps(key)}: ", item, theirs, longest) for key, item, theirs in items]
            return _held(name, ("{", "}"), children, alike)
        case list() if value:
            pairs = zip(value, _beside(value, other, alike), strict=True)
            return _held(name, ("[", "]"), [_lines("", item, theirs, longest) for item, theirs in pairs], alike)
        case str():
            return [name + cut(value, longest)]
        case _:
            return [name + shown(value)]


def _beside(value: list[Json], other: Json | Same, alike: bool) -> list[Json | Same]:
    """What each item is laid beside: what has its place in the other list, if that has it nowhere."""
    if alike or not isinstance(other, list):
        return [Same.SAME] * len(value)
    there = {json.dumps(item) for item in other}
    known = [json.dumps(item) in there for item in value]
    return [Same.SAME if same or n >= len(other) else other[n] for n, same in enumerate(known)]


def _held(name: str, brackets: tuple[str, str], children: list[list[str]], alike: bool) -> list[str]:
    left, right = brackets
    if alike and all(len(child) == 1 for child in children):
        one = f"{name}{left}{', '.join(child[0] for child in children)}{right}"
        if len(one) <= WIDTH:
            return [one]
    return [name + left, *_indented(children), right]


def _indented(children: list[list[str]]) -> Iterator[str]:
    for child in children:
        for line in child:
            yield f" {line}"


def _same(one: str, other: str) -> int:
    """How many characters they begin alike with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _window(text: str, start: int, longest: int) -> str:
    part = shown(text[start : start + longest])[1:-1]
    before, after = "…" if start else "", "…" if len(text) > start + longest else ""
    return f'"{before}{part}{after}" ({len(text):,} characters)'
