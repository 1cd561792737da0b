"""Two canonical trees -> the flat differences between them. deepdiff finds them; what is equal it never gets to see."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from typing import Any, cast

from deepdiff import DeepDiff
from deepdiff.model import DiffLevel

from harness.comparison.align import align
from harness.model import Absent, Difference, Json

_INDEX = re.compile(r"[0-9]{1,9}")


class _Slots(dict[Hashable, Any]):
    """A list as a dict of its aligned positions; its own class, so that a list and an object differ in type."""


def compare(baseline: Json, candidate: Json) -> tuple[Difference, ...]:
    """Sorted by path. A path is a JSON pointer (RFC 6901) of the baseline; of the candidate, for what only it has."""
    if same(baseline, candidate):
        return ()
    found = DeepDiff(
        *_unequal(baseline, candidate),
        view="tree",
        threshold_to_diff_deeper=0,  # otherwise two objects with few common keys are one difference
        ignore_private_variables=False,  # otherwise keys that begin with __ are not looked at
    )
    levels = [level for kind in found.values() for level in kind]
    return tuple(sorted((_difference(level) for level in levels), key=lambda difference: _order(difference.path)))


def same(one: Json, other: Json) -> bool:
    """Equal, types included: 1, 1.0 and true differ."""
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


def _difference(level: DiffLevel) -> Difference:
    path = pointer(level.path(output_format="list"))
    added = level.report_type == "dictionary_item_added"
    removed = level.report_type == "dictionary_item_removed"
    return Difference(path, Absent.ABSENT if added else level.t1, Absent.ABSENT if removed else level.t2)


def _order(path: str) -> tuple[tuple[int, str], ...]:
    """Numbers by their value: event 9 comes before event 10."""
    return tuple((int(part), "") if _INDEX.fullmatch(part) else (-1, part) for part in path.split("/"))
