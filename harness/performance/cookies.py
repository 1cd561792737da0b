"""What a run with challenges showed, and whether it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Phase:
    """The requests between a start of the gateway and its end.

    `outcomes`: how many by status, or by kind of failure. `challenges`: what each origin met the gateway with.
    `strange`: cookies that came to an origin which had not set them. `shown`: answers that set a client a cookie.
    """

    name: str
    requests: int
    seconds: float
    outcomes: Mapping[str, int]
    challenges: Mapping[str, int]
    strange: int
    shown: int


def problems(phases: Sequence[Phase]) -> list[str]:
    """Sentences; none where each origin has challenged once, before the restart, and nobody noticed."""
    first, *later = phases
    found = [
        *(
            f"{origin} has challenged {number} times, not once"
            for origin, number in first.challenges.items()
            if number != 1
        ),
        *(
            f"{origin} has challenged {number} times after the restart"
            for phase in later
            for origin, number in phase.challenges.items()
            if number
        ),
    ]
    for phase in phases:
        found += [
            f"{phase.name}: {number} requests ended with {how}"
            for how, number in phase.outcomes.items()
            if how != "200"
        ]
        if phase.strange:
            found.append(f"{phase.name}: {phase.strange} cookies came to an origin that had not set them")
        if phase.shown:
            found.append(f"{phase.name}: {phase.shown} answers set the client a cookie")
    return found if first.challenges else [*found, "no origin has challenged: nothing was measured"]


def cookies_tree(phases: Sequence[Phase], how: Mapping[str, object]) -> dict[str, Any]:
    """For cookies.json."""
    return {"how": dict(how), "phases": [asdict(phase) for phase in phases], "problems": problems(phases)}
