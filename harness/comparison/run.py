"""All observations of a run -> what comparison has to say about each scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.comparison.canonical import canonical_pair
from harness.comparison.compare import compare
from harness.comparison.tree import tree
from harness.comparison.volatile import Volatile, learn
from harness.model import Compared, Observation, Role

_Seen = Mapping[Role, Observation]


def compare_all(observations: Iterable[Observation]) -> Iterator[Compared]:
    """One for each scenario, in the order of first observation. What is volatile is learnt from all of them first."""
    scenarios: dict[str, dict[Role, Observation]] = {}
    for observation in observations:
        scenarios.setdefault(observation.scenario, {})[observation.role] = observation
    problems = {scenario: _problem(seen) for scenario, seen in scenarios.items()}
    whole = {scenario: seen for scenario, seen in scenarios.items() if problems[scenario] is None}
    volatile = learn((s, tree(seen[Role.BASELINE]), tree(seen[Role.AGAIN])) for s, seen in whole.items())
    for scenario, seen in scenarios.items():
        problem = problems[scenario]
        yield _compared(scenario, seen, volatile) if problem is None else Compared(scenario, problem=problem)


def _compared(scenario: str, seen: _Seen, volatile: Volatile) -> Compared:
    """The trees that go out are the raw ones: a must speaks of what was on the wire."""
    trees = {role: tree(observation) for role, observation in seen.items()}
    places = volatile.places(scenario, trees[Role.BASELINE])
    noise = compare(*canonical_pair(trees[Role.BASELINE], trees[Role.AGAIN], places))
    found = compare(*canonical_pair(trees[Role.BASELINE], trees[Role.CANDIDATE], places))
    return Compared(scenario, trees, noise, found)


def _problem(seen: _Seen) -> str | None:
    missing = [f"{role}: was not observed" for role in Role if role not in seen]
    failed = [f"{role}: {observation.problem}" for role, observation in seen.items() if observation.problem]
    return "; ".join([*missing, *failed]) or None
