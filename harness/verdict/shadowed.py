"""The verdicts over copied calls -> counts that stay small, whatever number of calls there were, and some examples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.model import Outcome, Scenario, Verdict

_EXAMPLES = 3  # of calls that differ alike
_MOST = 60  # examples altogether
_GOOD = (Outcome.SAME, Outcome.ALLOWED)

Alike = tuple[str, tuple[str, ...]]  # an outcome, and where: calls that have both in common


@dataclass(slots=True)
class Tally:
    """`examples`: of each way to differ, the first ones. `not_judged`: by the reason."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    not_judged: Counter[str] = field(default_factory=Counter)
    ways: Counter[Alike] = field(default_factory=Counter)
    examples: list[tuple[Scenario, Verdict]] = field(default_factory=list)

    def judged(self, scenario: Scenario, verdict: Verdict) -> bool:
        """Whether it became an example."""
        self.outcomes[verdict.outcome] += 1
        if verdict.outcome is Outcome.SAME:
            return False
        alike = (str(verdict.outcome), tuple(places(verdict)))
        self.ways[alike] += 1
        is_one = self.ways[alike] <= _EXAMPLES and len(self.examples) < _MOST
        if is_one:
            self.examples.append((scenario, verdict))
        return is_one

    @property
    def exit_code(self) -> int:
        """0: no call differs. 1: some do. 2: nothing could be judged."""
        if not self.outcomes.keys() & {*_GOOD, Outcome.COSMETIC, Outcome.DIFFERENT}:
            return 2
        return 1 if self.outcomes[Outcome.DIFFERENT] or self.outcomes[Outcome.COSMETIC] else 0

    def told(self) -> str:
        judged = ", ".join(f"{self.outcomes[each]} {each}" for each in Outcome if self.outcomes[each])
        left = ", ".join(f"{count} because {reason}" for reason, count in self.not_judged.most_common())
        said = f"{self.outcomes.total()} calls judged{f': {judged}' if judged else ''}"
        return f"{said}; {self.not_judged.total()} not judged{f': {left}' if left else ''}"

    def tree(self) -> dict[str, Any]:
        return {
            "told": self.told(),
            "judged": self.outcomes.total(),
            "outcomes": {str(each): self.outcomes[each] for each in Outcome if self.outcomes[each]},
            "not_judged": dict(self.not_judged.most_common()),
            "ways": [
                {"outcome": outcome, "places": list(where), "calls": count}
                for (outcome, where), count in self.ways.most_common()
            ],
        }


def places(verdict: Verdict) -> Iterator[str]:
    """Where it is not the same, each place once; a number in a path is any."""
    found = [*verdict.unexplained, *verdict.noise] or [difference for difference, _ in verdict.allowed]
    yield from dict.fromkeys(re.sub(r"(?<=/)\d+(?=/|$)", "*", difference.path) for difference in found)
    if verdict.problem:
        yield verdict.problem
