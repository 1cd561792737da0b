"""A whole run compared at once, all of it in memory: the plain way, which the others are held to."""

from collections.abc import Iterable, Iterator

from harness.comparison.run import Reference, compare_attempts
from harness.model import Compared, Observation, Role


def compare_all(observations: Iterable[Observation]) -> Iterator[Compared]:
    attempts: dict[str, dict[int, dict[Role, Observation]]] = {}
    for observation in observations:
        seen = attempts.setdefault(observation.scenario, {}).setdefault(observation.attempt, {})
        seen[observation.role] = observation
    reference = Reference.of({scenario: seen.get(0, {}) for scenario, seen in attempts.items()})
    for scenario, each in attempts.items():
        yield from compare_attempts(reference, scenario, each)
