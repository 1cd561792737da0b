"""What was measured before, and may count again: only what is of the very candidate that is judged now."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.provenance import Made, stale
from harness.settings import Settings

Tree = dict[str, Any]
Misfits = Callable[[Tree], Sequence[str]]
Tell = Callable[[str], None]


def measured_before(reports: Path, name: str, now: Made, misfits: Misfits, tell: Tell) -> tuple[Tree, str] | None:
    """The newest report of that name that is of this commit, configuration and LiteLLM, and that has no misfits; and
    where it is, below `reports`. Where there is none, why the newest is not used is told."""
    refused = ""
    for file in sorted(reports.glob(f"runs/[!.]*/{name}.json"), reverse=True):
        tree, why = _judged(file, now, misfits)
        if tree is not None and not why:
            return tree, str(file.relative_to(reports))
        refused = refused or f"{file.relative_to(reports)} does not count: {'; '.join(why)}"
    if refused:
        tell(refused)
    return None


def _judged(file: Path, now: Made, misfits: Misfits) -> tuple[Tree | None, list[str]]:
    try:
        tree = read_report(file)
        why = [*stale(tree.get("made"), now), *misfits(tree)]
    except (HarnessError, LookupError, TypeError, AttributeError):
        return None, ["it is half a report, or another version's"]
    return tree, [*why, *([f"{now['dirty']} files are not committed now"] if now["dirty"] else [])]


def read_report(file: Path) -> Tree:
    """Raises `HarnessError` for what is no report."""
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HarnessError(f"{file} is not readable: {error}") from error
    if not isinstance(tree, dict):
        raise HarnessError(f"{file} holds no report")
    return tree


# --- whether it is of the same ----------------------------------------------------------------------------------------


def cookies_misfits(tree: Tree, settings: Settings) -> list[str]:
    return _others("candidate", tree["how"]["target"], settings.candidate)


def parity_misfits(tree: Tree, settings: Settings, library: int) -> list[str]:
    names = {target["role"]: target["name"] for target in tree["targets"]}
    played = len(tree["scenarios"])
    return [
        *_others("baseline", names["baseline"], settings.baseline),
        *_others("candidate", names["candidate"], settings.candidate),
        *([] if played == library else [f"{played} scenarios, not {library}"]),
    ]


def sabotage_misfits(tree: Tree, settings: Settings, planted: Sequence[str]) -> list[str]:
    """`planted`: the names of all that there is to plant."""
    missing = {*planted} - {one["name"] for one in tree["planted"]}
    return [
        *_others("baseline", tree["targets"]["baseline"], settings.baseline),
        *_others("candidate", tree["targets"]["candidate"], settings.candidate),
        *([f"{len(missing)} regressions were not planted"] if missing else []),
    ]


def _others(role: str, then: str, now: str) -> list[str]:
    return [] if then == now else [f"its {role} is {then}, not {now}"]
