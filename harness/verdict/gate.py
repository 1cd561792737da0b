"""The verdicts of a whole run -> the judgement: declarations have to be true, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from harness.model import Declaration, Judgement, Role, Verdict
from harness.verdict.declared import expired, shadowed, unused
from harness.verdict.judge import failed


def gate(judgement: Judgement, declared: Sequence[Declaration], today: date, *, whole: bool = True) -> Judgement:
    """The judgement with its stale declarations. Not `whole`: scenarios were picked, the others may need the rest."""
    verdicts = judgement.verdicts
    return replace(
        judgement,
        unused=unused(declared, verdicts) if whole else (),
        shadowed=shadowed(declared, verdicts) if whole else (),
        expired=expired(declared, today),
        unproven=unproven(declared, verdicts) if whole else (),
    )


def unproven(declared: Sequence[Declaration], verdicts: Sequence[Verdict]) -> tuple[Declaration, ...]:
    """Those that claim to be better, and are used, without a must that the candidate passes and the baseline fails."""
    claimed = {why.id for verdict in verdicts for _, why in verdict.allowed if why.better}
    proven = {why.id for verdict in verdicts if _improves(verdict) for _, why in verdict.allowed}
    return tuple(one for one in declared if one.id in claimed - proven)


def _improves(verdict: Verdict) -> bool:
    return bool(failed(verdict.broken, Role.BASELINE) - failed(verdict.broken, Role.CANDIDATE))
