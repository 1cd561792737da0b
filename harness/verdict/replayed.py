"""A scenario that was played several times -> one verdict: chance does not condemn, and does not acquit either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.model import Compared, Declaration, Outcome, Scenario, Verdict
from harness.verdict.judge import judge

_GOOD = (Outcome.SAME, Outcome.ALLOWED)
_ORDER = list(Outcome)


def judge_replayed(scenario: Scenario, pairs: Sequence[Compared], declared: Sequence[Declaration]) -> Verdict:
    """`pairs`: every observation of the candidate beside every one of the baseline.

    The candidate may do what the baseline was seen to do: each of its observations counts as it stands beside the one
    of the baseline that it is most like. All of its observations count: the worst of them is the verdict. Where they
    differ only at places at which the baseline differs from itself, there is no judgement (noisy).
    """
    if len(pairs) == 1:
        return judge(scenario, pairs[0], declared)
    attempts = sorted({pair.attempt for pair in pairs})
    best = [_best(scenario, [pair for pair in pairs if pair.attempt == each], declared) for each in attempts]
    worst = max(best, key=_badness)
    found = replace(worst, replays=len(attempts) - 1)
    if found.outcome in _GOOD:
        return found
    noise = {difference.path: difference for pair in pairs for difference in pair.noise}
    if noise and all(difference.path in noise for difference in found.unexplained):
        return replace(found, outcome=max(found.outcome, Outcome.NOISY, key=_ORDER.index), noise=tuple(noise.values()))
    return found


def _best(scenario: Scenario, pairs: Sequence[Compared], declared: Sequence[Declaration]) -> Verdict:
    return min((judge(scenario, replace(pair, noise=()), declared) for pair in pairs), key=_badness)


def _badness(verdict: Verdict) -> tuple[int, int, int]:
    return _ORDER.index(verdict.outcome), len(verdict.unexplained), len(verdict.allowed)
