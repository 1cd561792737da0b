"""Which step of the running scenarios a call of the upstream belongs to: pure, by method and content."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import Request

_WORD = re.compile(rb"\w+")
_STREAM = re.compile(rb'"stream"\s*:\s*true')


@dataclass(frozen=True, slots=True)
class Candidate:
    """A step that a call may belong to: the client's request, and how many upstream calls it has had."""

    request: Request
    calls: int = 0


def choose(candidates: Sequence[Candidate], call: Request) -> int | None:
    """The index of the candidate that caused the call, or None where none can have.

    A gateway keeps the method. Among several, one that asks for a stream as the call does goes before one that does
    not (`"stream": false` and no such key are the same); then the one whose body shares most words with the call's
    wins; equal ones (clients do send the same request twice at once) take turns, the lowest index first.
    """
    possible = [index for index, candidate in enumerate(candidates) if candidate.request.method == call.method]
    if len(possible) <= 1:
        return possible[0] if possible else None
    words = _words(call.body)

    def rank(index: int) -> tuple[bool, float, int, int]:
        candidate = candidates[index]
        other = streams(candidate.request) is not streams(call)
        return (other, -_likeness(words, _words(candidate.request.body)), candidate.calls, index)

    return min(possible, key=rank)


def streams(request: Request) -> bool:
    """Whether it asks for a stream: in its body, or, as Gemini's clients do, in its path."""
    return _STREAM.search(request.body) is not None or ":streamGenerateContent" in request.path


def _words(body: bytes) -> Counter[bytes]:
    return Counter(_WORD.findall(body))


def _likeness(one: Counter[bytes], other: Counter[bytes]) -> float:
    """Dice's coefficient over words: 0 to 1. A body that merely contains the other is less like it than its equal."""
    size = one.total() + other.total()
    return 2 * (one & other).total() / size if size else 0.0
