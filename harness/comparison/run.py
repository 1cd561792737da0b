"""The observations of a run -> what comparison has to say about each scenario."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.comparison.arrival import paces
from harness.comparison.canonical import Canonical
from harness.comparison.compare import compare
from harness.comparison.cookies import Jar, jars, set_by, strayed
from harness.comparison.order import orders
from harness.comparison.tree import tree
from harness.comparison.volatile import Volatile, learn, together
from harness.model import Compared, Difference, Json, Observation, Role

_Seen = Mapping[Role, Observation]
_BASELINES = (Role.BASELINE, Role.AGAIN)


def compare_attempts(reference: Reference, scenario: str, attempts: Mapping[int, _Seen]) -> Iterator[Compared]:
    """One for each pair of a baseline's observation and a candidate's: several where the scenario was replayed."""
    own = reference.knowing(scenario, attempts.get(0, {}))
    for pair in pairs(attempts):
        candidate = pair.get(Role.CANDIDATE)
        yield replace(own.compared(scenario, pair), attempt=candidate.attempt if candidate else 0)


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

    @classmethod
    def together(cls, parts: Sequence[Reference]) -> Reference:
        """Of the parts of a run, in order."""
        return cls(together(part.volatile for part in parts), jars([part.jar for part in parts]))

    def knowing(self, scenario: str, seen: _Seen) -> Reference:
        """Also what two runs of the baseline say about that scenario; nothing where one of them has a problem."""
        if _problem(seen, _BASELINES):
            return self
        one, other = (tree(seen[role]) for role in _BASELINES)
        return replace(self, volatile=self.volatile.knowing(scenario, one, other))

    def compared(self, scenario: str, seen: _Seen) -> Compared:
        """The trees that go out are the raw ones: a must speaks of what was on the wire."""
        problem = _problem(seen)
        if problem is not None:
            return Compared(scenario, problem=problem)
        texts: Mapping[Role, dict[int, bytes]] = {role: {} for role in seen}
        trees = {role: tree(observation, texts[role]) for role, observation in seen.items()}
        places = self.volatile.places(scenario, trees[Role.BASELINE], texts[Role.BASELINE])
        baseline = Canonical(trees[Role.BASELINE], places, texts[Role.BASELINE])
        found = {
            role: self._found(role, seen, baseline.beside(trees[role], texts[role]))
            for role in (Role.AGAIN, Role.CANDIDATE)
        }
        return Compared(scenario, trees, found[Role.AGAIN], found[Role.CANDIDATE])

    def _found(self, role: Role, seen: _Seen, pair: tuple[Json, Json]) -> tuple[Difference, ...]:
        baseline, other = pair
        ours, theirs = strayed(seen[Role.BASELINE], self.jar), strayed(seen[role], self.jar)
        cookies = (Difference("/effects/cookies", [*ours], [*theirs]),) if ours != theirs else ()
        paced = paces(seen[Role.BASELINE], seen[role])
        return (*compare(baseline, other), *orders(baseline, other), *paced, *cookies)


def _problem(seen: _Seen, roles: Collection[Role] = tuple(Role)) -> str | None:
    missing = [f"{role}: was not observed" for role in roles if role not in seen]
    failed = [f"{role}: {each.problem}" for role, each in seen.items() if role in roles and each.problem]
    return "; ".join([*missing, *failed]) or None
