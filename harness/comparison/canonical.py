"""Rename, don't ignore: volatile values get names, the same value always the same one; what is left can be compared.

An id becomes `<id 1>`, `<id 2>`..., wherever it stands, also within a text: one that must come back in the next
request, or be the same in all chunks of a stream, is still checked. Of numbers and dates only the kind is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from harness.comparison.tokens import Sort, tokens
from harness.comparison.volatile import JSON_NUMBER, Places, Texts, leaves_at, prefixes, volatile_in
from harness.model import Json

_PLAIN = re.compile(r"[\w.+=-]+", re.ASCII)  # JSON writes it as it is, unless all of ASCII is escaped
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")
Spot = tuple[str, int]  # a place, and the position of the id in the leaf's text


def canonical(tree: Json, places: Places) -> Json:
    """Ids are numbered by first appearance. Canonical trees stay as they are."""
    found = _ids(tree, places)
    return _Renaming(places, _numbered(found, {})).of(tree)


def canonical_pair(
    baseline: Json, other: Json, places: Places, texts: tuple[Texts, Texts] = ({}, {})
) -> tuple[Json, Json]:
    """Both trees; an id of the other one has the name of the baseline's id that it stands for.

    It stands for the one that comes first at the same place. Otherwise one lost header would rename all ids behind it.
    With the `texts` that parts of the two were read from, a part in which nothing is to be renamed is not copied.
    """
    return Canonical(baseline, places, texts[0]).beside(other, texts[1])


class Canonical:
    """The baseline's tree, canonical, and others beside it."""

    def __init__(self, baseline: Json, places: Places, texts: Texts) -> None:
        self._places = places
        self._ids = _ids(baseline, places)
        self._names = _numbered(self._ids, {})
        self._tree = _Renaming(places, self._names, texts).of(baseline)

    def beside(self, other: Json, texts: Texts) -> tuple[Json, Json]:
        """See `canonical_pair`."""
        theirs = _ids(other, self._places)
        matched = _matched(_by_spot(self._ids), _by_spot(theirs), self._names)
        names = _numbered(theirs, matched, len(self._names))
        return self._tree, _Renaming(self._places, names, texts).of(other)


def _ids(tree: Json, places: Places) -> list[tuple[Spot, str]]:
    return [
        ((place, position), text)
        for place, leaf in leaves_at(tree, places)
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


class _Renaming:
    """Of one tree: its ids by their names, the other volatile values by their kinds'."""

    def __init__(self, places: Places, names: Mapping[str, str], texts: Texts | None = None) -> None:
        self._places, self._names, self._texts = places, names, texts or {}
        self._above = prefixes(places)
        self._plain = all(_PLAIN.fullmatch(value) for value in names)

    def of(self, tree: Json) -> Json:
        return self._walk(tree, "")

    def _walk(self, value: Json, place: str) -> Json:
        if place not in self._above:
            return self._by_name(value)
        match value:
            case dict():
                return {key: self._walk(item, f"{place}/{key}") for key, item in value.items()}
            case list():
                return [self._walk(item, f"{place}/*") for item in value]
            case str():
                return self._text(_without_others(value, self._places.get(place, {})))
            case int() | float() if not isinstance(value, bool) and JSON_NUMBER in self._places.get(place, {}):
                return "<number>"
            case _:
                return value

    def _by_name(self, value: Json) -> Json:
        """Where nothing but ids can be volatile."""
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, dict | list) or self._untouched(self._texts.get(id(value))):
            return value
        if isinstance(value, list):
            return [self._by_name(item) for item in value]
        return {key: self._by_name(item) for key, item in value.items()}

    def _untouched(self, text: bytes | None) -> bool:
        """Whether no id can be in what was read from that text."""
        if text is None or not self._plain or _ESCAPED_ASCII.search(text):
            return False
        return not any(value.encode() in text for value in self._names)

    def _text(self, text: str) -> str:
        known = [value for value in self._names if value in text]  # much faster than a pattern, on long texts
        if len(known) < 2:
            return text.replace(known[0], self._names[known[0]]) if known else text
        longest_first = sorted(known, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest_first)), lambda found: self._names[found.group()], text)


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
