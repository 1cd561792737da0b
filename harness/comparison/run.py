"""The observations of a run -> what comparison has to say about each scenario."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from harness.comparison.arrival import is_lag, lags, late_streams, paces, roughness
from harness.comparison.canonical import Canonical
from harness.comparison.compare import compare
from harness.comparison.cookies import Jar, jars, set_by, strayed
from harness.comparison.order import orders
from harness.comparison.tree import tree
from harness.comparison.volatile import Places, Texts, Volatile, differing, learn, together
from harness.model import (
    Compared,
    Difference,
    Exchange,
    Failure,
    Json,
    LateStreams,
    Observation,
    Response,
    Role,
    header,
)

_Seen = Mapping[Role, Observation]
# One scenario's trees, and the texts that their parts were read from: one that was replayed is in several pairs.
Reads: TypeAlias = dict[tuple[Role, int], tuple[Json, Texts]]
_BASELINES = (Role.BASELINE, Role.AGAIN)


def compare_attempts(
    reference: Reference, scenario: str, attempts: Mapping[int, _Seen], *, doubtful: bool = False
) -> Iterator[Compared]:
    """One for each pair of a baseline's observation and a candidate's: several where the scenario was replayed.

    `doubtful`: also what must be seen again before it counts.
    """
    reads: Reads = {}
    own = _own(attempts.get(0, {}), reads)
    found = []
    for pair in pairs(attempts):
        candidate = pair.get(Role.CANDIDATE)
        one = reference.compared(scenario, pair, reads, own)
        found.append(replace(one, attempt=candidate.attempt if candidate else 0))
    if doubtful and len(attempts) < 2:
        yield from (_late_beside_either(one, attempts[0]) for one in found)
    else:
        yield from _without_chance(found)


def _late_beside_either(one: Compared, seen: _Seen) -> Compared:
    """Also what came late beside the baseline's other observation: the machine may have stood still for the first."""
    if one.problem is not None:
        return one
    known = {each.path for each in one.found}
    more = (each for each in lags(seen[Role.AGAIN], seen[Role.CANDIDATE]) if each.path not in known)
    return replace(one, found=(*one.found, *more))


def _without_chance(found: Sequence[Compared]) -> Iterator[Compared]:
    """A lag counts where each of several observations of the candidate has it beside most of the baseline's; what a
    busy machine does as well (`roughness`), unless it was not seen in one of them."""
    several = len({one.attempt for one in found}) > 1
    rough: list[set[str]] = [{each.path for each in roughness(one.found)} for one in found]
    sure = _lags_of_all(found) if several else set[str]()
    chance = set[str].union(*rough) - set[str].intersection(*rough) if several else set[str]()
    for one, own in zip(found, rough, strict=True):
        kept = (each for each in one.found if each.path not in own & chance)
        yield replace(
            one,
            noise=tuple(each for each in one.noise if not is_lag(each)),
            found=tuple(each for each in kept if not is_lag(each) or each.path in sure),
        )


def _lags_of_all(found: Sequence[Compared]) -> set[str]:
    """What each of the candidate's observations has beside more than half of the baseline's."""
    late: dict[int, Counter[str]] = defaultdict(Counter)
    for one in found:
        late[one.attempt].update({each.path for each in one.found if is_lag(each)})
    beside = Counter(one.attempt for one in found)
    most = ({path for path, count in late[n].items() if 2 * count > beside[n]} for n in beside)
    return set[str].intersection(*most)


def late_in(seen: _Seen) -> LateStreams:
    """Count the late streams of one attempt; none where one of its observations is missing or has a problem."""
    if _problem(seen):
        return LateStreams()
    return late_streams(seen[Role.BASELINE], seen[Role.AGAIN], seen[Role.CANDIDATE])


def _own(seen: _Seen, reads: Reads) -> Places:
    """Where two runs of the baseline differ in that scenario; nowhere if one of them has a problem."""
    if _problem(seen, _BASELINES):
        return {}
    one, other = (_read(seen[role], reads)[0] for role in _BASELINES)
    return differing(one, other)


def _read(observation: Observation, reads: Reads) -> tuple[Json, Texts]:
    key = observation.role, observation.attempt
    if key not in reads:
        texts: dict[int, bytes] = {}
        reads[key] = tree(observation, texts), texts
    return reads[key]


def pairs(attempts: Mapping[int, _Seen]) -> Iterator[_Seen]:
    """Each observation of the candidate beside each of the baseline; beside that, the baseline's next one for noise."""
    whole = [seen for seen in attempts.values() if _problem(seen) is None]
    if len(whole) < 2 or _problem(attempts.get(0, {})):
        yield attempts.get(0, {})
        return
    baseline = [seen[role] for seen in whole for role in _BASELINES]
    for seen in whole:
        for one, other in zip(baseline, [*baseline[1:], baseline[0]], strict=True):
            yield {Role.BASELINE: one, Role.AGAIN: other, Role.CANDIDATE: seen[Role.CANDIDATE]}


@dataclass(frozen=True, slots=True)
class Reference:
    """What the baseline showed in a whole run: what any candidate's observation can be compared by."""

    volatile: Volatile
    jar: Jar

    @classmethod
    def of(cls, scenarios: Mapping[str, _Seen]) -> Reference:
        """Learnt from the scenarios that the baseline has played twice to their end."""
        whole = {scenario: seen for scenario, seen in scenarios.items() if not _problem(seen, _BASELINES)}
        volatile = learn((s, *_trees(seen[Role.BASELINE], seen[Role.AGAIN])) for s, seen in whole.items())
        return cls(volatile, set_by(seen[Role.BASELINE] for seen in whole.values()))

    @classmethod
    def together(cls, parts: Sequence[Reference]) -> Reference:
        """Of the parts of a run, in order."""
        return cls(together(part.volatile for part in parts), jars([part.jar for part in parts]))

    def compared(self, scenario: str, seen: _Seen, reads: Reads | None = None, own: Places | None = None) -> Compared:
        """The trees that go out are the raw ones: a must speaks of what was on the wire. `own`: as in `places`."""
        problem = _problem(seen)
        if problem is not None:
            return Compared(scenario, problem=problem)
        known: Reads = {} if reads is None else reads
        read = {role: _read(observation, known) for role, observation in seen.items()}
        places = self.volatile.places(scenario, *read[Role.BASELINE], own)
        baseline = Canonical(read[Role.BASELINE][0], places, read[Role.BASELINE][1], self.volatile.clock)
        found = {role: self._found(role, seen, baseline.beside(*read[role])) for role in (Role.AGAIN, Role.CANDIDATE)}
        trees = {role: one for role, (one, _) in read.items()}
        return Compared(scenario, trees, found[Role.AGAIN], found[Role.CANDIDATE])

    def _found(self, role: Role, seen: _Seen, pair: tuple[Json, Json]) -> tuple[Difference, ...]:
        baseline, other = pair
        cookies = cookies_apart(seen[Role.BASELINE], seen[role], self.jar)
        paced = (*paces(seen[Role.BASELINE], seen[role]), *lags(seen[Role.BASELINE], seen[role]))
        return (*compare(baseline, other), *orders(baseline, other), *paced, *cookies)


def cookies_apart(baseline: Observation, other: Observation, jar: Jar) -> tuple[Difference, ...]:
    ours, theirs = strayed(baseline, jar), strayed(other, jar)
    return (Difference("/effects/cookies", [*ours], [*theirs]),) if ours != theirs else ()


def _trees(one: Observation, other: Observation) -> tuple[Json, Json]:
    """Without the bodies that are the same in both: there is nothing to be learnt from them, and much to be read."""
    if [call.request.body for call in one.upstream] == [call.request.body for call in other.upstream]:
        one, other = (replace(each, upstream=tuple(map(_without_body, each.upstream))) for each in (one, other))
    answers = zip(one.client, other.client, strict=False)
    same = {number for number, (mine, theirs) in enumerate(answers) if _said(mine) == _said(theirs) is not None}
    if len(one.client) == len(other.client):
        one, other = (_without_answers(each, same) for each in (one, other))
    return tree(one), tree(other)


def _said(exchange: Exchange) -> tuple[int, bytes] | None:
    """What decides how a body is read; None where there is none, or it is told by more than its bytes."""
    outcome = exchange.outcome
    if isinstance(outcome, Failure) or header(outcome.headers, "content-encoding"):
        return None
    return exchange.step, outcome.body


def _without_body(call: Exchange) -> Exchange:
    return replace(call, request=replace(call.request, body=b""))


def _without_answers(observation: Observation, chosen: Collection[int]) -> Observation:
    client = (
        replace(each, outcome=replace(each.outcome, chunks=()))
        if number in chosen and isinstance(each.outcome, Response)
        else each
        for number, each in enumerate(observation.client)
    )
    return replace(observation, client=tuple(client))


def _problem(seen: _Seen, roles: Collection[Role] = tuple(Role)) -> str | None:
    missing = [f"{role}: was not observed" for role in roles if role not in seen]
    failed = [f"{role}: {each.problem}" for role, each in seen.items() if role in roles and each.problem]
    return "; ".join([*missing, *failed]) or None
