"""Rename, don't ignore: volatile values get names, the same value always the same one; what is left can be compared.

An id becomes `<id 1>`, `<id 2>`..., wherever it stands, also within a text: one that must come back in the next
request, or be the same in all chunks of a stream, is still checked. Of numbers and dates only the kind is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from harness.comparison.tokens import Sort, tokens
from harness.comparison.volatile import JSON_NUMBER, Places, leaves, volatile_in
from harness.model import Json

Spot = tuple[str, int]  # a place, and the position of the id in the leaf's text


def canonical(tree: Json, places: Places) -> Json:
    """Ids are numbered by first appearance. Canonical trees stay as they are."""
    found = _ids(tree, places)
    return _renamed(tree, places, _numbered(found, {}))


def canonical_pair(baseline: Json, other: Json, places: Places) -> tuple[Json, Json]:
    """Both trees; an id of the other one has the name of the baseline's id that it stands for.

    It stands for the one that comes first at the same place. Otherwise one lost header would rename all ids behind it.
    """
    ours, theirs = _ids(baseline, places), _ids(other, places)
    names = _numbered(ours, {})
    matched = _matched(_by_spot(ours), _by_spot(theirs), names)
    return _renamed(baseline, places, names), _renamed(other, places, _numbered(theirs, matched, len(names)))


def _ids(tree: Json, places: Places) -> list[tuple[Spot, str]]:
    return [
        ((place, position), text)
        for place, leaf in leaves(tree)
        for position, sort, text in volatile_in(leaf, places.get(place, {}))
        if sort is Sort.ID
    ]


def _numbered(found: Iterable[tuple[Spot, str]], names: Mapping[str, str], taken: int = 0) -> dict[str, str]:
    named = dict(names)
    for _, value in found:
        if value not in named:
            taken += 1
            named[value] = f"<id {taken}>"
    return named


def _by_spot(found: Iterable[tuple[Spot, str]]) -> dict[Spot, list[str]]:
    """Each spot's values, once, in order."""
    grouped: dict[Spot, dict[str, None]] = {}
    for spot, value in found:
        grouped.setdefault(spot, {})[value] = None
    return {spot: list(values) for spot, values in grouped.items()}


def _matched(
    ours: Mapping[Spot, list[str]], theirs: Mapping[Spot, list[str]], names: Mapping[str, str]
) -> dict[str, str]:
    matched: dict[str, str] = {}
    for spot, values in theirs.items():
        for mine, value in zip(ours.get(spot, []), values, strict=False):
            if value not in matched and names[mine] not in matched.values():
                matched[value] = names[mine]
    return matched


def _renamed(tree: Json, places: Places, names: Mapping[str, str]) -> Json:
    longest_first = sorted(names, key=len, reverse=True)
    ids = re.compile("|".join(re.escape(value) for value in longest_first) or "(?!)")
    return _walk(tree, "", places, ids, names)


def _walk(value: Json, place: str, places: Places, ids: re.Pattern[str], names: Mapping[str, str]) -> Json:
    match value:
        case dict():
            return {key: _walk(item, f"{place}/{key}", places, ids, names) for key, item in value.items()}
        case list():
            return [_walk(item, f"{place}/*", places, ids, names) for item in value]
        case str():
            text = _without_others(value, places.get(place, {}))
            known = any(value in text for value in names)  # much faster than the pattern, on long texts
            return ids.sub(lambda found: names[found.group()], text) if known else text
        case int() | float() if not isinstance(value, bool) and JSON_NUMBER in places.get(place, {}):
            return "<number>"
        case _:
            return value


def _without_others(text: str, positions: Mapping[int, Sort]) -> str:
    """Numbers and dates by the names of their kinds; ids are still there."""
    if not positions:
        return text
    sorts = {number: sort for number, sort, _ in volatile_in(text, positions) if sort is not Sort.ID}
    parts, end = [], 0
    for number, token in enumerate(tokens(text)):
        if number in sorts:
            parts += [text[end : token.start()], f"<{sorts[number]}>"]
            end = token.end()
    return "".join([*parts, text[end:]])
