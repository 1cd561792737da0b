"""What the user says in a request. A gateway translates the structure around it, but hands the user's words on as they
are: they tell whose call a call is, while several scenarios are played at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from harness.model import Json, Request, Scenario

_SPOKEN = ("messages", "input", "prompt", "contents")  # where the protocols have what is said
_PARTS = ("content", "text", "parts")  # what is said within a message; ids, names and images may be rewritten


@dataclass(frozen=True, slots=True)
class Speech:
    """One request's part: what the user says in it, and all of its text."""

    said: frozenset[str]
    whole: str

    @classmethod
    def of(cls, request: Request) -> Self:
        tree = _tree(request.body)
        if tree is None:
            return cls(frozenset(), request.body.decode("utf-8", "replace"))
        return cls(frozenset(_said(tree)), "\n".join(dict.fromkeys(_strings(tree))))

    def heard_in(self, text: str) -> bool:
        """Whether all that the user says is in that text; of somebody who says nothing it cannot be told."""
        return bool(self.said) and all(words in text for words in self.said)


@dataclass(frozen=True, slots=True)
class Voice:
    """A scenario among others that are played at the same time."""

    said: tuple[frozenset[str], ...]  # by each step that says something
    whole: str
    silent: bool  # has a call to come that nothing would tell from another's

    @classmethod
    def of(cls, scenario: Scenario) -> Self:
        speeches = [(Speech.of(step.request), bool(step.replies)) for step in scenario.steps]
        lines = dict.fromkeys(line for speech, _ in speeches for line in speech.whole.split("\n"))
        silent = any(replies and not speech.said for speech, replies in speeches)
        return cls(tuple(dict.fromkeys(s.said for s, _ in speeches if s.said)), "\n".join(lines), silent)

    def like(self, other: Voice) -> bool:
        """Whether a call of the one could be taken for a call of the other."""
        return self._in(other) or other._in(self)

    def _in(self, other: Voice) -> bool:
        return any(all(words in other.whole for words in said) for said in self.said)


def _tree(body: bytes) -> dict[str, Json] | None:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _said(tree: dict[str, Json]) -> Iterator[str]:
    """The user's texts; where nobody is called user, everybody's."""
    turns = [turn for key in _SPOKEN for turn in _list(tree.get(key))]
    users = [turn for turn in turns if isinstance(turn, dict) and turn.get("role") == "user"]
    for turn in users or turns:
        for text in _spoken(turn):
            # Line by line: that is how `Voice` keeps the whole, and a line's end can be written in two ways.
            yield from (line.strip() for line in text.splitlines() if line.strip())


def _spoken(turn: Json) -> Iterator[str]:
    match turn:
        case str():
            yield turn
        case list():
            for part in turn:
                yield from _spoken(part)
        case dict():
            for key in _PARTS:
                yield from _spoken(turn.get(key))


def _strings(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _strings(item)
        case dict():
            for item in value.values():
                yield from _strings(item)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
