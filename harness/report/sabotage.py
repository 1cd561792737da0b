"""What came of everything that was planted -> sabotage.json and sabotage.md, and the lines of the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.model import Planted
from harness.report.files import written
from harness.report.markdown import cell, code

_STYLES = {"caught": "green", "escaped": "bold red", "did not bite": "bold yellow"}


def outcome_of(planted: Planted) -> str:
    """`did not bite`: nothing passed that it could change, so that nothing is proven either way."""
    return "caught" if planted.caught else "escaped" if planted.bitten else "did not bite"


def sabotage_summary(
    planted: Sequence[Planted], seed: int, seconds: float, targets: Mapping[str, str]
) -> dict[str, Any]:
    """planted[] (name, face, caught, by, scenario) and totals (planted, caught) keep their names and shapes. `targets`:
    the names of baseline and candidate."""
    return {
        "targets": dict(targets),
        "seed": seed,
        "seconds": round(seconds, 1),
        "planted": [_entry(each) for each in planted],
        "totals": {"planted": len(planted), "caught": sum(each.caught for each in planted)},
    }


def _entry(planted: Planted) -> dict[str, Any]:
    return {
        "name": planted.name,
        "face": planted.face,
        "caught": planted.caught,
        "by": planted.sense if planted.caught else None,
        "scenario": planted.scenario or "*",  # a process meets all of them
        "outcome": outcome_of(planted),
        "meant_for": planted.sense,
        "where": planted.where or None,
        "also_by": [sense for sense in planted.by if sense != planted.sense],
    }


def sabotage_markdown(summary: dict[str, Any]) -> str:
    totals = summary["totals"]
    rows = [
        f"| {cell(one['name'])} | {one['face']} | {one['outcome']} | {one['meant_for']} | {seen} | {one['scenario']} |"
        for one in summary["planted"]
        for seen in [code(one["where"] or "-")]
    ]
    return "\n".join(
        [
            f"# Sabotage: {totals['caught']} of {totals['planted']} caught",
            "",
            f"Each regression was planted around the candidate (seed `{summary['seed']}`, {summary['seconds']} s).",
            "",
            "| what broke | face | outcome | sense | where it was seen | scenario |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def write_sabotage(summary: dict[str, Any], folder: Path) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"sabotage.md": sabotage_markdown(summary), "sabotage.json": json.dumps(summary, indent=2) + "\n"}
    return tuple(written(folder / name, text) for name, text in texts.items())


def show_planted(console: Console, planted: Planted) -> None:
    """One line."""
    outcome = outcome_of(planted)
    line = Text(f"{outcome:<13}", style=_STYLES[outcome])
    line.append(planted.name, style="default")
    seen = (
        f"{planted.sense}: {planted.where}" if planted.caught else f"meant for {planted.sense}, seen by {_all(planted)}"
    )
    line.append(f"  {seen}", style="dim")
    console.print(line, soft_wrap=True, highlight=False)


def _all(planted: Planted) -> str:
    return ", ".join(planted.by) or "nobody"
