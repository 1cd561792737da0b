"""All observations of a run -> what comparison has to say about each scenario."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from harness.comparison.arrival import paces
from harness.comparison.canonical import canonical_pair
from harness.comparison.compare import compare
from harness.comparison.cookies import Jar, set_by, strayed
from harness.comparison.order import orders
from harness.comparison.tree import tree
from harness.comparison.volatile import Places, Volatile, learn
from harness.model import Compared, Difference, Json, Observation, Role

_Seen = Mapping[Role, Observation]
_BASELINES = (Role.BASELINE, Role.AGAIN)


def compare_all(observations: Iterable[Observation]) -> Iterator[Compared]:
    """One for each scenario, in the order of first observation. What is volatile is learnt from all of them first.

    A scenario that was replayed has one for each pair of a baseline's observation and a candidate's.
    """
    attempts: dict[str, dict[int, dict[Role, Observation]]] = {}
    for observation in observations:
        seen = attempts.setdefault(observation.scenario, {}).setdefault(observation.attempt, {})
        seen[observation.role] = observation
    reference = Reference.of({scenario: seen.get(0, {}) for scenario, seen in attempts.items()})
    for scenario, each in attempts.items():
        for pair in pairs(each):
            candidate = pair.get(Role.CANDIDATE)
            yield replace(reference.compared(scenario, pair), attempt=candidate.attempt if candidate else 0)


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
        volatile = learn((s, tree(seen[Role.BASELINE]), tree(seen[Role.AGAIN])) for s, seen in whole.items())
        return cls(volatile, set_by(seen[Role.BASELINE] for seen in whole.values()))

    def compared(self, scenario: str, seen: _Seen) -> Compared:
        """The trees that go out are the raw ones: a must speaks of what was on the wire."""
        problem = _problem(seen)
        if problem is not None:
            return Compared(scenario, problem=problem)
        trees = {role: tree(observation) for role, observation in seen.items()}
        places = self.volatile.places(scenario, trees[Role.BASELINE])
        found = {role: self._found(role, seen, trees, places) for role in (Role.AGAIN, Role.CANDIDATE)}
        return Compared(scenario, trees, found[Role.AGAIN], found[Role.CANDIDATE])

    def _found(self, role: Role, seen: _Seen, trees: Mapping[Role, Json], places: Places) -> tuple[Difference, ...]:
        baseline, other = canonical_pair(trees[Role.BASELINE], trees[role], places)
        ours, theirs = strayed(seen[Role.BASELINE], self.jar), strayed(seen[role], self.jar)
        cookies = (Difference("/effects/cookies", [*ours], [*theirs]),) if ours != theirs else ()
        paced = paces(seen[Role.BASELINE], seen[role])
        return (*compare(baseline, other), *orders(baseline, other), *paced, *cookies)


def _problem(seen: _Seen, roles: Collection[Role] = tuple(Role)) -> str | None:
    missing = [f"{role}: was not observed" for role in roles if role not in seen]
    failed = [f"{role}: {each.problem}" for role, each in seen.items() if role in roles and each.problem]
    return "; ".join([*missing, *failed]) or None
