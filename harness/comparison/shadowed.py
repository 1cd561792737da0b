"""What a gateway answered in earnest, once, beside what another made of the same call twice, with the same replies.

The first cannot be asked again, so that what it makes up (ids, dates, measured numbers) is learnt from the second: what
differs between its two runs. That goes for the first only where its value is its own: one that stands in what the
provider answered, or the client sent, was passed on, and is compared. What only the first makes up is a difference, and
is shown. Not compared are what nobody has seen of the first, what became of its client's connection, and when events
came: the provider had its own pace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from harness.comparison.canonical import canonical_pair
from harness.comparison.clock import readings
from harness.comparison.compare import compare
from harness.comparison.cookies import Jar, set_by
from harness.comparison.order import orders
from harness.comparison.run import cookies_apart
from harness.comparison.tokens import Sort
from harness.comparison.tree import tree
from harness.comparison.volatile import WHOLE, Places, Volatile, learn, leaves, volatile_in
from harness.model import Compared, Difference, Exchange, Failure, Json, Observation, Response, Role

_SHORTEST = 8  # characters of a number from which on it is found elsewhere for a reason
_MODEL_ID = "/response/headers/x-litellm-model-id"
_ORIGINS_OWN = "/headers/date"  # the gateway's clock (RFC 9110, section 6.6.1), which the provider's is equal to


@dataclass(frozen=True, slots=True)
class Seen:
    """One call: `recorded` of the first; `once` and `again` of the second."""

    recorded: Observation
    once: Observation
    again: Observation

    @property
    def problem(self) -> str | None:
        return self.once.problem or self.again.problem


@dataclass(slots=True)
class Learnt:
    """Grows with every call: what was the same twice by chance is known from another."""

    _chance: dict[tuple[str, str], dict[int, Sort]] = field(default_factory=dict)
    _jar: dict[str, frozenset[str]] = field(default_factory=dict)

    def compared(self, calls: Mapping[str, Seen]) -> Iterator[Compared]:
        """By name. The trees that go out are the raw ones."""
        whole = {name: seen for name, seen in calls.items() if seen.problem is None}
        now = learn((name, _tree(seen.once), _tree(seen.again)) for name, seen in whole.items())
        for spot, positions in now.chance.items():
            self._chance.setdefault(spot, {}).update(positions)
        for cookie, hosts in set_by(seen.recorded for seen in whole.values()).items():
            self._jar[cookie] = self._jar.get(cookie, frozenset()) | hosts
        for name, seen in calls.items():
            yield _compared(name, seen, replace(now, chance=self._chance), self._jar)


def _compared(name: str, seen: Seen, known: Volatile, jar: Jar) -> Compared:
    if seen.problem is not None:
        return Compared(name, problem=seen.problem)
    recorded, once, again = tree(seen.recorded), _tree(seen.once), _tree(seen.again)
    volatile = replace(known, clock=sorted({*known.clock, *readings(recorded)}))
    places = {**volatile.places(name, recorded), **_of_its_world(recorded)}
    own = {**places, **_own(places, recorded, seen.recorded)}
    found = _differences(recorded, once, own)
    noise = _differences(once, again, places)
    trees = {Role.BASELINE: recorded, Role.AGAIN: again, Role.CANDIDATE: once}
    return Compared(name, trees, noise, (*found, *cookies_apart(seen.recorded, seen.once, jar)))


def _tree(seen: Observation) -> Json:
    return tree(replace(seen, client=tuple(map(_without_connection, seen.client))))


def _without_connection(exchange: Exchange) -> Exchange:
    if isinstance(exchange.outcome, Failure):
        return exchange
    return replace(exchange, outcome=replace(exchange.outcome, connection=None))


def _of_its_world(recorded: Json) -> dict[str, dict[int, Sort]]:
    """What LiteLLM makes of the keys and addresses that it was given, which are others in a shadow (1.106.2,
    Router._generate_model_id): an id in both."""
    return {place: {WHOLE: Sort.ID} for place, _ in leaves(recorded) if place.endswith(_MODEL_ID)}


def _differences(one: Json, other: Json, places: Places) -> tuple[Difference, ...]:
    one, other = canonical_pair(one, other, places)
    return (*compare(one, other), *orders(one, other))


def _own(places: Places, recorded: Json, seen: Observation) -> dict[str, dict[int, Sort]]:
    """The places, without the positions at which `recorded` has what it was given."""
    given = _given(seen)
    found = {place: dict(positions) for place, positions in places.items()}
    for place, leaf in leaves(recorded):
        if place.endswith(_ORIGINS_OWN):
            continue
        for position, sort, text in volatile_in(leaf, places.get(place, {})):
            if (sort is Sort.ID or len(text) >= _SHORTEST) and text in given:
                found[place].pop(position, None)
    return found


def _given(seen: Observation) -> str:
    """All that the gateway did not make up: what the provider answered, and the client sent."""
    requests = [_text(exchange.request.headers, exchange.request.body) for exchange in seen.client]
    return "\n".join([*requests, *(_answered(call) for call in seen.upstream)])


def _answered(call: Exchange) -> str:
    match call.outcome:
        case Failure():
            return ""
        case Response(headers=headers, body=body):
            return _text(headers, body)


def _text(headers: tuple[tuple[str, str], ...], body: bytes) -> str:
    values = "\n".join(value for _, value in headers)
    return f"{values}\n{body.decode('utf-8', 'replace')}"
