"""Which element of a list belongs to which of another: an inserted event is one difference, whatever follows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from harness.model import Json

Pair = tuple[int | None, int | None]  # an index of each list; None: this one has no partner

_ALIKE = 0.4  # two elements that share fewer of their leaves are not the same element, changed
_LARGEST = 250_000  # cells of the table; lists that need more are paired in order


def fingerprint(value: Json) -> str:
    """The same text for the same JSON value, whatever the order of its keys; 1, 1.0 and true are three values."""
    return json.dumps(value, sort_keys=True)


def align(baseline: Sequence[Json], candidate: Sequence[Json]) -> list[Pair]:
    """Every index of both lists, once, in order. `align(b, a)` gives the same pairs, mirrored."""
    left, right = [fingerprint(value) for value in baseline], [fingerprint(value) for value in candidate]
    if (len(right), right) < (len(left), left):  # ties are broken the same way round, whoever is the baseline
        return [(one, other) for other, one in _align(candidate, baseline, right, left)]
    return _align(baseline, candidate, left, right)


def _align(one: Sequence[Json], other: Sequence[Json], left: list[str], right: list[str]) -> list[Pair]:
    head = _common(left, right)
    tail = _common(left[head:][::-1], right[head:][::-1])
    rows, columns = range(head, len(left) - tail), range(head, len(right) - tail)
    middle = _middle(one, other, rows, columns, (left, right))
    ends = zip(range(len(left) - tail, len(left)), range(len(right) - tail, len(right)), strict=True)
    pairs = [*((i, i) for i in range(head)), *middle, *ends]
    in_order: list[Pair] = [(i, i) for i in range(len(left))]
    rather_in_order = len(left) == len(right) and _unlike(in_order, left, right) <= _unlike(pairs, left, right)
    return in_order if rather_in_order else pairs


def _unlike(pairs: list[Pair], left: list[str], right: list[str]) -> int:
    return sum(i is None or j is None or left[i] != right[j] for i, j in pairs)


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """How many elements both begin with."""
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count


def _middle(
    one: Sequence[Json], other: Sequence[Json], rows: range, columns: range, prints: tuple[list[str], list[str]]
) -> Iterator[Pair]:
    if not rows or not columns or len(rows) * len(columns) > _LARGEST:
        return zip_longest(rows, columns)
    leaves = {i: frozenset(_leaves(one[i])) for i in rows}, {j: frozenset(_leaves(other[j])) for j in columns}
    scores = [[_score(i, j, prints, leaves) for j in columns] for i in rows]
    return _filled([(rows[i], columns[j]) for i, j in _best(scores)], rows, columns)


def _leaves(value: Json, path: str = "") -> Iterator[str]:
    match value:
        case dict():
            for key, item in value.items():
                yield from _leaves(item, f"{path}/{key}")
        case list():
            for item in value:
                yield from _leaves(item, f"{path}/*")
        case _:
            yield f"{path}={fingerprint(value)}"


def _score(
    i: int,
    j: int,
    prints: tuple[list[str], list[str]],
    leaves: tuple[dict[int, frozenset[str]], dict[int, frozenset[str]]],
) -> float:
    """2: equal. Else the share of common leaves, where it is high enough to call them the same element."""
    if prints[0][i] == prints[1][j]:
        return 2.0
    mine, theirs = leaves[0][i], leaves[1][j]
    share = len(mine & theirs) / max(len(mine | theirs), 1)
    return share if share >= _ALIKE else 0.0


def _best(scores: list[list[float]]) -> list[tuple[int, int]]:
    """The pairs, in order and without crossing, whose scores add up to the most (Needleman and Wunsch, 1970)."""
    height, width = len(scores), len(scores[0])
    best = [[0.0] * (width + 1) for _ in range(height + 1)]
    for i in reversed(range(height)):
        for j in reversed(range(width)):
            pair = scores[i][j] + best[i + 1][j + 1] if scores[i][j] else 0.0
            best[i][j] = max(pair, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < height and j < width:
        if scores[i][j] and best[i][j] == scores[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _filled(pairs: list[tuple[int, int]], rows: range, columns: range) -> Iterator[Pair]:
    """What stands between two pairs is paired in order: it was replaced; the rest of the longer side stands alone."""
    i, j = rows.start, columns.start
    for row, column in [*pairs, (rows.stop, columns.stop)]:
        yield from zip_longest(range(i, row), range(j, column))
        if row < rows.stop:
            yield row, column
        i, j = row + 1, column + 1
