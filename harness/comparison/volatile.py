"""Where a target's answers differ from one run to the next: learnt from the baseline, which was run twice.

Only generated-looking tokens (ids, measured numbers, dates) of what programs wrote (headers, bodies, paths) can be
volatile. A status or a count that flickers, a word that changes, a list that grows, a key that comes and goes: all that
is noise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

from harness.comparison.clock import EPOCH, instant, near, readings, windows
from harness.comparison.tokens import Sort, is_count, looks_generated, skeleton, sort_of, tokens
from harness.model import Json

Places: TypeAlias = Mapping[str, Mapping[int, Sort]]  # place -> token number, WHOLE or JSON_NUMBER -> what is there

WHOLE, JSON_NUMBER = -1, -2
_WRITTEN = re.compile(
    r"/client/\d+/response/(headers|body|stream/(events/\*/(data|id)|message|framing/comments))(/|$)"
    r"|/upstream/\*/request/(headers|body|path)(/|$)"
)
Texts: TypeAlias = Mapping[int, bytes]  # the `id` of a part of a tree -> the text that it was read from
# As _TIME; a number can have an exponent, and a digit can be written as an escape.
_TIME_IN_JSON = re.compile(rb"\d{10}|\d\d:\d\d|\d[eE][+-]?\d|\\u003")
_TIME = re.compile(r"\d{10}|\d\d:\d\d")  # what every text with a time in it has
_SHORTEST_TIME = len("00:00")


@dataclass(frozen=True)
class Volatile:
    """What was learnt from a whole run."""

    own: Mapping[str, Places]  # scenario -> where its two baseline runs differed
    chance: Mapping[tuple[str, str], Mapping[int, Sort]]  # place in any step, skeleton -> what differed there
    clock: Sequence[float]  # Unix times at which the baseline ran, in order

    @cached_property
    def _somewhere(self) -> frozenset[str]:
        return frozenset(place for place, _ in self.chance)

    @cached_property
    def _above(self) -> Mapping[str, Collection[str]]:
        return prefixes(self._somewhere)

    def places(self, scenario: str, baseline: Json, texts: Texts | None = None, own: Places | None = None) -> Places:
        """Where that scenario is volatile: also what happened to be the same twice, in the tree of its first run.

        `own`: where its two runs differed, if that was not learnt with the rest. With the `texts` that parts of the
        tree were read from, a part whose text has no time in it is left out.
        """
        differed = self.own.get(scenario, {}) if own is None else own
        places = {place: dict(positions) for place, positions in differed.items()}
        places |= {place: {0: Sort.NUMBER} for place in windows(baseline)}
        for place, leaf in _walked(baseline, "", texts or {}, self._above, []):
            if same := {**self._by_chance(place, leaf), **(_times(leaf, self.clock) if _is_written(place) else {})}:
                places[place] = {**same, **places.get(place, {})}
        return places

    def _by_chance(self, place: str, leaf: Json) -> dict[int, Sort]:
        if _in_any_step(place) not in self._somewhere:
            return {}
        known = self.chance.get(_spot(place, leaf), {})
        return {position: sort for position, sort, _ in volatile_in(leaf, known)}


def _walked(
    value: Json, place: str, texts: Texts, somewhere: Collection[str], found: list[tuple[str, Json]]
) -> list[tuple[str, Json]]:
    """`found` with the leaves that may be volatile by chance, or hold a time."""
    if not isinstance(value, dict | list):
        found.append((place, value))
        return found
    text = texts.get(id(value))
    if text is not None and not _TIME_IN_JSON.search(text) and _in_any_step(place) not in somewhere:
        return found
    if isinstance(value, dict):
        for key, item in value.items():
            _walked(item, f"{place}/{key}", texts, somewhere, found)
    else:
        for item in value:
            _walked(item, f"{place}/*", texts, somewhere, found)
    return found


def together(parts: Iterable[Volatile]) -> Volatile:
    """What was learnt in several parts of a run: but for each scenario's own, which `knowing` finds again."""
    chance: dict[tuple[str, str], dict[int, Sort]] = {}
    clock: set[float] = set()
    for part in parts:
        clock |= {*part.clock}
        for spot, positions in part.chance.items():
            chance.setdefault(spot, {}).update(positions)
    return Volatile({}, chance, sorted(clock))


def leaves(value: Json, place: str = "") -> Iterator[tuple[str, Json]]:
    """Every leaf with its place: keys in alphabetical order, `*` for an index: an event more shifts those behind it."""
    match value:
        case dict():
            for key in sorted(value):
                yield from leaves(value[key], f"{place}/{key}")
        case list():
            for item in value:
                yield from leaves(item, f"{place}/*")
        case _:
            yield place, value


def leaves_at(value: Json, places: Iterable[str]) -> Sequence[tuple[str, Json]]:
    """Those of `leaves` that are at these places, in the same order; what is elsewhere is not walked through."""
    return _leaves_below(value, "", prefixes(places), [])


def prefixes(places: Iterable[str]) -> Mapping[str, Collection[str]]:
    """Each place, and all that it is in, with the keys that lead on from there."""
    found: dict[str, set[str]] = {}
    for place in places:
        while place not in found:
            found[place] = set()
            place = place.rpartition("/")[0]  # noqa: PLW2901 - on its way up
    for place in found:
        above, _, key = place.rpartition("/")
        found[above].add(key)
    return found


def leads_on(key: str, wanted: Collection[str]) -> bool:
    """Whether a wanted place may be below that key, which may look like several."""
    return key in wanted or "/" in key


def _leaves_below(
    value: Json, place: str, wanted: Mapping[str, Collection[str]], found: list[tuple[str, Json]]
) -> list[tuple[str, Json]]:
    below = wanted.get(place)
    if below is None:
        return found
    if isinstance(value, dict):
        for key in sorted(key for key in value if leads_on(key, below)):
            _leaves_below(value[key], f"{place}/{key}", wanted, found)
    elif isinstance(value, list):
        for item in value:
            _leaves_below(item, f"{place}/*", wanted, found)
    else:
        found.append((place, value))
    return found


def learn(pairs: Iterable[tuple[str, Json, Json]]) -> Volatile:
    """From each scenario's name, and the trees of its two baseline runs.

    A number can be the same twice by chance: where one differed in some scenario, it is volatile in all. A time can,
    too: it is volatile where it was read from the clock. An id cannot: one that is passed through stays checked.
    """
    own: dict[str, Places] = {}
    chance: dict[tuple[str, str], dict[int, Sort]] = {}
    clock: set[float] = set()
    for scenario, one, other in pairs:
        own[scenario] = differing(one, other)
        for tree in (one, other):
            clock |= {*readings(tree)}
            for spot, position, sort in _by_chance(tree, own[scenario]):
                chance.setdefault(spot, {})[position] = sort
    return Volatile(own, chance, sorted(clock))


def volatile_in(leaf: Json, places: Mapping[int, Sort]) -> Iterator[tuple[int, Sort, str]]:
    """The volatile parts of that leaf: (position, sort, text). What does not look like its sort is left out."""
    if not places:
        return
    if _is_number(leaf) and JSON_NUMBER in places:
        yield JSON_NUMBER, Sort.NUMBER, repr(leaf)
    elif isinstance(leaf, str) and WHOLE in places and looks_generated(leaf):
        yield WHOLE, Sort.ID, leaf
    elif isinstance(leaf, str):
        for number, token in enumerate(tokens(leaf)):
            if number in places and _fits(token, places[number]):
                yield number, places[number], token.group()


def _fits(token: re.Match[str], wanted: Sort) -> bool:
    sort, text = sort_of(token), token.group()
    if wanted is Sort.ID:  # digits alone can be what a random id came out as
        return sort is Sort.ID or (sort is Sort.NUMBER and looks_generated(text))
    return sort is wanted or (wanted is Sort.VARIES and sort in (Sort.NUMBER, Sort.ID))


def _by_chance(tree: Json, places: Places) -> Iterator[tuple[tuple[str, str], int, Sort]]:
    """What differed here, and could as well have been the same: neither ids nor times."""
    for place, leaf in leaves_at(tree, places):
        for position, sort, text in volatile_in(leaf, places.get(place, {})):
            if sort in (Sort.NUMBER, Sort.VARIES) and instant(sort, text) is None:
                yield _spot(place, leaf), position, sort


def differing(one: Json, other: Json) -> dict[str, dict[int, Sort]]:
    """Where two runs of the baseline differ in volatile values."""
    found: dict[str, dict[int, Sort]] = {}
    for place, a, b in _paired(one, other, ""):
        if _is_written(place):
            for position, sort in _volatile(a, b):
                before = found.setdefault(place, {}).get(position, sort)
                found[place][position] = _wider(before, sort)
    return found


def _paired(one: Json, other: Json, place: str) -> Iterator[tuple[str, Json, Json]]:
    """Leaves that differ, at the same place of the same structure; lists of other lengths do not line up."""
    if one is other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() & other.keys():
            yield from _paired(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) == len(other):
            for a, b in zip(one, other, strict=True):
                yield from _paired(a, b, f"{place}/*")
    elif one != other:
        yield place, one, other


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _volatile(one: Json, other: Json) -> Iterator[tuple[int, Sort]]:
    if isinstance(one, str) and isinstance(other, str):
        yield from _volatile_tokens(one, other)
    elif _is_number(one) and _is_number(other) and not (is_count(repr(one)) and is_count(repr(other))):
        yield JSON_NUMBER, Sort.NUMBER


def _volatile_tokens(one: str, other: str) -> Iterator[tuple[int, Sort]]:
    left, right = tokens(one), tokens(other)
    if len(left) != len(right):
        if looks_generated(one) and looks_generated(other):
            yield WHOLE, Sort.ID
        return
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        sorts, counts = (sort_of(a), sort_of(b)), is_count(a.group()) and is_count(b.group())
        if a.group() != b.group() and Sort.WORD not in sorts and not counts:
            yield number, _wider(*sorts)


def _wider(one: Sort, other: Sort) -> Sort:
    if one is other:
        return one
    return Sort.ID if Sort.ID in (one, other) else Sort.VARIES


@lru_cache(maxsize=4096)
def _is_written(place: str) -> bool:
    return _WRITTEN.match(place) is not None


@lru_cache(maxsize=4096)
def _in_any_step(place: str) -> str:
    return re.sub(r"^/client/\d+", "/client/*", place)


def _spot(place: str, leaf: Json) -> tuple[str, str]:
    """The place in whichever step, and what the text says there: an error message is not like any other."""
    return _in_any_step(place), skeleton(leaf) if isinstance(leaf, str) else ""


def _times(leaf: Json, clock: Sequence[float]) -> dict[int, Sort]:
    """Where that leaf has a time that was read from the clock."""
    if isinstance(leaf, str) and len(leaf) >= _SHORTEST_TIME and _TIME.search(leaf):
        found = [(number, sort_of(token), token.group()) for number, token in enumerate(tokens(leaf))]
    elif isinstance(leaf, int | float) and leaf >= EPOCH:
        found = [(JSON_NUMBER, Sort.NUMBER, repr(leaf))]
    else:
        return {}
    return {
        position: sort
        for position, sort, text in found
        if (moment := instant(sort, text)) is not None and near(moment, clock)
    }
