"""Two rows of figures -> better, equal, worse, or not to be said: with the noise of the baseline against itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from random import Random
from statistics import median

_DRAWS = 2000
_SHARE = 0.95  # of the draws lie within the interval


class Judged(StrEnum):
    BETTER = "better"
    EQUAL = "equal"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Candidate / baseline, of medians; `low` and `high`: the 95 % interval of the bootstrap. `noise`: the furthest
    that the ratio of the baseline to itself was from 1, in the same run."""

    value: float
    low: float
    high: float
    noise: float
    verdict: Judged


def ratio(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    lower_is_better: bool = True,
    same: float = 0.05,
    seed: int = 0,
) -> Ratio | None:
    """None if there is nothing to divide by. `same`: within that share the two are equal, whatever the noise."""
    if baseline and candidate and max(*baseline, *candidate) == 0:
        return Ratio(1.0, 1.0, 1.0, 0.0, Judged.EQUAL)
    if not baseline or not candidate or min(baseline) <= 0:
        return None
    random = Random(seed)  # noqa: S311 - a sample, not a secret
    drawn = sorted(_drawn(random, candidate) / _drawn(random, baseline) for _ in range(_DRAWS))
    cut = round(_DRAWS * (1 - _SHARE) / 2)
    low, high = drawn[cut], drawn[-cut - 1]
    noise = noise_of(baseline)
    return Ratio(
        median(candidate) / median(baseline), low, high, noise, _judged(low, high, max(noise, same), lower_is_better)
    )


def noise_of(baseline: Sequence[float]) -> float:
    """Each figure beside the one after it: the same target, a moment later."""
    return max((max(pair) / min(pair) - 1 for pair in pairwise(baseline)), default=0.0)


def _drawn(random: Random, figures: Sequence[float]) -> float:
    return median(random.choices(figures, k=len(figures)))


def _judged(low: float, high: float, margin: float, lower_is_better: bool) -> Judged:
    if not lower_is_better:
        low, high = (1 / high if high else float("inf")), (1 / low if low else float("inf"))
    if high < 1 - margin:
        return Judged.BETTER
    if low > 1 + margin:
        return Judged.WORSE
    return Judged.EQUAL if 1 - margin <= low and high <= 1 + margin else Judged.INCONCLUSIVE
