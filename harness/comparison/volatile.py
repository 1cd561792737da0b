"""Where a target's answers differ from one run to the next: learnt from the baseline, which was run twice.

Only generated-looking tokens (ids, numbers, dates) of what programs wrote (headers, bodies, paths) can be volatile. A
status that flickers, a word that changes, a list that grows or a key that comes and goes is noise, and is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TypeAlias

from harness.comparison.tokens import Sort, looks_generated, skeleton, sort_of, tokens
from harness.model import Json

Places: TypeAlias = Mapping[str, Mapping[int, Sort]]  # place -> token number, WHOLE or JSON_NUMBER -> what is there

# Place and skeleton of a text -> position -> what it is, and the numbers that it was.
_Chance: TypeAlias = dict[tuple[str, str], dict[int, tuple[Sort, list[float]]]]

WHOLE, JSON_NUMBER = -1, -2
_WRITTEN = re.compile(
    r"/client/\d+/response/(headers|body|stream/(events/\*/(data|id)|message|framing/comments))(/|$)"
    r"|/upstream/\*/request/(headers|body|path)(/|$)"
)
_CLOCK = 1e9  # numbers from here on are Unix times, or are nothing that happens to be the same twice
_DAY = 86_400


def leaves(value: Json, place: str = "") -> Iterator[tuple[str, Json]]:
    """Every leaf with its place: keys in alphabetical order, `*` for an index; only a client's step keeps its own."""
    match value:
        case dict():
            for key in sorted(value):
                yield from leaves(value[key], f"{place}/{key}")
        case list():
            for index, item in enumerate(value):
                yield from leaves(item, below(place, index))
        case _:
            yield place, value


def below(place: str, index: int) -> str:
    """An event more shifts those behind it; a step stays where it is."""
    return f"{place}/{index if place == '/client' else '*'}"


def learn(pairs: Mapping[str, tuple[Json, Json]]) -> dict[str, Places]:
    """Scenario -> its two baseline trees in; scenario -> its volatile places out.

    Numbers and dates can be the same twice by chance: where they differed in one scenario, they are volatile in all.
    Ids cannot: each scenario has its own, so that an id that is passed through in another stays checked there.
    """
    own = {scenario: _differing(*pair) for scenario, pair in pairs.items()}
    clocks = _seen(pairs, own)
    return {scenario: _with_chance(own[scenario], pair[0], clocks) for scenario, pair in pairs.items()}


def volatile_in(leaf: Json, places: Mapping[int, Sort]) -> Iterator[tuple[int, Sort, str]]:
    """The volatile parts of that leaf: (position, sort, text). What does not look like its sort is left out."""
    if not places:
        return
    if isinstance(leaf, int | float) and not isinstance(leaf, bool) and JSON_NUMBER in places:
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


def _differing(one: Json, other: Json) -> dict[str, dict[int, Sort]]:
    found: dict[str, dict[int, Sort]] = {}
    for place, a, b in _paired(one, other, ""):
        if _WRITTEN.match(place):
            for position, sort in _volatile(a, b):
                before = found.setdefault(place, {}).get(position, sort)
                found[place][position] = _wider(before, sort)
    return found


def _paired(one: Json, other: Json, place: str) -> Iterator[tuple[str, Json, Json]]:
    """Leaves that differ, at the same place of the same structure; lists of other lengths do not line up."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() & other.keys():
            yield from _paired(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) == len(other):
            for index, (a, b) in enumerate(zip(one, other, strict=True)):
                yield from _paired(a, b, below(place, index))
    elif one != other:
        yield place, one, other


def _volatile(one: Json, other: Json) -> Iterator[tuple[int, Sort]]:
    if isinstance(one, str) and isinstance(other, str):
        yield from _volatile_tokens(one, other)
    elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other)):
        yield JSON_NUMBER, Sort.NUMBER


def _volatile_tokens(one: str, other: str) -> Iterator[tuple[int, Sort]]:
    left, right = tokens(one), tokens(other)
    if len(left) != len(right):
        if looks_generated(one) and looks_generated(other):
            yield WHOLE, Sort.ID
        return
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        sorts = sort_of(a), sort_of(b)
        if a.group() != b.group() and Sort.WORD not in sorts:
            yield number, _wider(*sorts)


def _wider(one: Sort, other: Sort) -> Sort:
    if one is other:
        return one
    return Sort.ID if Sort.ID in (one, other) else Sort.VARIES


def _seen(pairs: Mapping[str, tuple[Json, Json]], own: Mapping[str, Places]) -> _Chance:
    """What differed anywhere in the run, by chance: ids are left out."""
    seen: _Chance = {}
    for scenario, places in own.items():
        for place, leaf in chain.from_iterable(leaves(tree) for tree in pairs[scenario]):
            for position, sort, text in volatile_in(leaf, places.get(place, {})):
                if sort is not Sort.ID:
                    numbers = seen.setdefault(_spot(place, leaf), {}).setdefault(position, (sort, []))[1]
                    numbers += [float(text)] if sort is Sort.NUMBER else []
    return seen


def _spot(place: str, leaf: Json) -> tuple[str, str]:
    """The place in whichever step, and what the text says there: an error message is not like any other."""
    return re.sub(r"^/client/\d+", "/client/*", place), skeleton(leaf) if isinstance(leaf, str) else ""


def _with_chance(own: Places, baseline: Json, seen: _Chance) -> dict[str, dict[int, Sort]]:
    somewhere = {place for place, _ in seen}
    places = {place: dict(positions) for place, positions in own.items()}
    for place, leaf in leaves(baseline):
        known = seen.get(_spot(place, leaf), {}) if _spot(place, None)[0] in somewhere else {}
        for position, sort, text in volatile_in(leaf, {position: sort for position, (sort, _) in known.items()}):
            if sort is not Sort.NUMBER or _near(float(text), known[position][1]):
                places.setdefault(place, {}).setdefault(position, sort)
    return places


def _near(number: float, seen: list[float]) -> bool:
    """A Unix time that lies days off was not read from a clock: it was passed through, and stays checked."""
    unit = 1000 if number >= 1000 * _CLOCK else 1
    return number < _CLOCK or any(abs(number - other) <= _DAY * unit for other in seen)
