"""Two canonical trees -> the flat differences between them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, cast

from harness.comparison.align import align
from harness.model import Absent, Difference, Json

_INDEX = re.compile(r"[0-9]{1,9}")


class _Slots(dict[Hashable, Any]):
    """A list as a dict of its aligned positions; its own class, so that a list and an object differ in type."""


def compare(baseline: Json, candidate: Json) -> tuple[Difference, ...]:
    """Sorted by path. A path is a JSON pointer (RFC 6901) of the baseline; of the candidate, for what only it has."""
    if same(baseline, candidate):
        return ()
    found = _flat(*_unequal(baseline, candidate), ())
    return tuple(sorted(found, key=lambda difference: _order(difference.path)))


def _flat(one: Any, other: Any, path: tuple[object, ...]) -> Iterator[Difference]:
    """Key by key, as far as both have the same shape: deepdiff (9.1) finds the same, for 70 MB and half a second."""
    if type(one) is not type(other) or not isinstance(one, dict):
        yield Difference(pointer(path), one, other)
        return
    for key, value in one.items():
        if key in other:
            yield from _flat(value, other[key], (*path, key))
        else:
            yield Difference(pointer((*path, key)), value, Absent.ABSENT)
    for key, value in other.items():
        if key not in one:
            yield Difference(pointer((*path, key)), Absent.ABSENT, value)


def same(one: Json, other: Json) -> bool:
    """Equal, types included: 1, 1.0 and true differ."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


def pointer(parts: Iterable[object]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _unequal(one: Json, other: Json) -> tuple[Any, Any]:
    """Both trees without what they have in common; lists become slots."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in one if key in other and not same(one[key], other[key])]
        inner = {key: _unequal(one[key], other[key]) for key in keys}
        return (
            {key: inner[key][0] if key in inner else one[key] for key in one if key in inner or key not in other},
            {key: inner[key][1] if key in inner else other[key] for key in other if key in inner or key not in one},
        )
    if isinstance(one, list) and isinstance(other, list):
        return _slots(one, other)
    return one, other


def _slots(one: list[Json], other: list[Json]) -> tuple[_Slots, _Slots]:
    left, right = _Slots(), _Slots()
    for i, j in align(one, other):
        if i is None:
            right[str(j)] = other[cast("int", j)]  # text: never the key of a slot that both have
        elif j is None:
            left[i] = one[i]
        elif not same(one[i], other[j]):
            left[i], right[i] = _unequal(one[i], other[j])
    return left, right


def _order(path: str) -> tuple[tuple[int, str], ...]:
    """Numbers by their value: event 9 comes before event 10."""
    return tuple((int(part), "") if _INDEX.fullmatch(part) else (-1, part) for part in path.split("/"))
