"""Rename, don't ignore: volatile values get names, the same value always the same one; what is left can be compared.

An id becomes `<id 1>`, `<id 2>`..., wherever it stands, also within a text: one that must come back in the next
request, or be the same in all chunks of a stream, is still checked. Of numbers and dates only the kind is kept.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from harness.comparison.clock import instant
from harness.comparison.tokens import Sort, tokens
from harness.comparison.volatile import JSON_NUMBER, Places, Texts, leads_on, leaves_at, prefixes, volatile_in
from harness.model import Json

_PLAIN = re.compile(r"[\w.+=-]+", re.ASCII)  # JSON writes it as it is, unless all of ASCII is escaped
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")
_FAR = 30 * 60  # seconds: a proof of the harness goes on for so long after its baseline has run
Found = tuple["Spot", Sort, str]  # what is volatile: where, of which sort, what it says
Spot = tuple[str, int]  # a place, and the position of the id in the leaf's text


def canonical(tree: Json, places: Places) -> Json:
    """Ids are numbered by first appearance. Canonical trees stay as they are."""
    found = _ids(_volatile(tree, places))
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
    """The baseline's tree, canonical, and others beside it.

    `clock`: Unix times at which the baseline ran. Where it told them, a time of the other's that is far from all of
    them was not read from a clock, or from a wrong one: it stays as it is.
    """

    def __init__(self, baseline: Json, places: Places, texts: Texts, clock: Sequence[float] = ()) -> None:
        self._places = places
        self._told = (clock[0] - _FAR, clock[-1] + _FAR) if clock else (0.0, 0.0)
        self._raw, self._texts = baseline, texts
        found = [*_volatile(baseline, places)]
        self._clocked = self._of_the_clock(found)
        self._ids = _ids(found)
        self._names = _numbered(self._ids, {})
        self._tree = _Renaming(places, self._names, texts).of(baseline)

    def beside(self, other: Json, texts: Texts) -> tuple[Json, Json]:
        """See `canonical_pair`."""
        found = [*_volatile(other, self._places)]
        theirs = [(spot, text) for spot, text in _ids(found) if text in self._names or not self._says(text)]
        matched = _matched(_by_spot(self._ids), _by_spot(theirs), self._names)
        names = _numbered(theirs, matched, len(self._names))
        return self._tree, _Renaming(self._places, names, texts, self._strange(found)).of(other)

    def _says(self, text: str) -> bool:
        """Whether the baseline says it as well, and not as an id of its own: then nobody has made it up."""
        return any(text.encode() in part for part in self._said)

    @cached_property
    def _said(self) -> Sequence[bytes]:
        return [*self._texts.values(), "\n".join(_unread(self._raw, self._texts)).encode(errors="replace")]

    def _of_the_clock(self, found: Sequence[Found]) -> frozenset[Spot]:
        """Where all that it says is a time at which it ran."""
        told: dict[Spot, bool] = {}
        for spot, sort, text in found if self._told[1] else ():
            told[spot] = told.get(spot, True) and self._runs(sort, text)
        return frozenset(spot for spot, so in told.items() if so)

    def _strange(self, found: Sequence[Found]) -> frozenset[tuple[Spot, str]]:
        return frozenset(
            (spot, text) for spot, sort, text in found if spot in self._clocked and not self._runs(sort, text)
        )

    def _runs(self, sort: Sort, text: str) -> bool:
        moment = instant(sort, text)
        return moment is not None and self._told[0] < moment < self._told[1]


def _unread(value: Json, texts: Texts) -> Iterator[str]:
    """The texts that are in none of the parts that were read from one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and id(value) not in texts:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _unread(item, texts)


def _ids(found: Iterable[Found]) -> list[tuple[Spot, str]]:
    return [(spot, text) for spot, sort, text in found if sort is Sort.ID]


def _volatile(tree: Json, places: Places) -> Iterator[Found]:
    for place, leaf in leaves_at(tree, places):
        for position, sort, text in volatile_in(leaf, places.get(place, {})):
            yield (place, position), sort, text


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

    def __init__(
        self,
        places: Places,
        names: Mapping[str, str],
        texts: Texts | None = None,
        strange: Collection[tuple[Spot, str]] = (),
    ) -> None:
        self._places, self._names, self._texts, self._strange = places, names, texts or {}, strange
        self._above = prefixes(places)
        self._plain = all(_PLAIN.fullmatch(value) for value in names)
        self._shortest = min(map(len, names), default=sys.maxsize)

    def of(self, tree: Json) -> Json:
        return self._walk(tree, "")

    def _walk(self, value: Json, place: str) -> Json:
        if place not in self._above:
            return self._by_name(value)
        match value:
            case dict():
                below = self._above[place]
                return {
                    key: self._walk(item, f"{place}/{key}") if leads_on(key, below) else self._by_name(item)
                    for key, item in value.items()
                }
            case list():
                return [self._walk(item, f"{place}/*") for item in value]
            case str():
                return self._text(self._without_others(value, place))
            case int() | float() if not isinstance(value, bool) and JSON_NUMBER in self._places.get(place, {}):
                return value if ((place, JSON_NUMBER), repr(value)) in self._strange else "<number>"
            case _:
                return value

    def _by_name(self, value: Json) -> Json:
        """Where nothing but ids can be volatile."""
        if isinstance(value, str):
            return self._text(value) if len(value) >= self._shortest else value
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

    def _without_others(self, text: str, place: str) -> str:
        """Numbers and dates by the names of their kinds; ids are still there."""
        positions = self._places.get(place, {})
        if not positions:
            return text
        sorts = {
            number: sort
            for number, sort, told in volatile_in(text, positions)
            if sort is not Sort.ID and ((place, number), told) not in self._strange
        }
        parts, end = [], 0
        for number, token in enumerate(tokens(text)):
            if number in sorts:
                parts += [text[end : token.start()], f"<{sorts[number]}>"]
                end = token.end()
        return "".join([*parts, text[end:]])
