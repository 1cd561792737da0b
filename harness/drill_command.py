"""`python -m harness drill`: the command, from its options to its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from harness.drill.figures import Line, tree
from harness.drill_journey import PARTS, drill
from harness.drill_stage import DrillPlan, steady
from harness.exit_code import run_to_its_exit_code
from harness.journey import new_run
from harness.provenance import stamped
from harness.reporting import report_beside
from harness.settings import read_settings
from harness.site import isolate

_CODES = {"passed": 0, "failed": 1, "inconclusive": 2}


@click.command("drill")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--reports", metavar="FOLDER", help="Where the figures go: drill.json.")
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="Only this; default: all.")
@click.option("--clients", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--between", type=click.FloatRange(0), default=0.25, show_default=True, help="Seconds.")
@click.option("--soak-minutes", type=click.FloatRange(0.1), default=10.0, show_default=True)
def drill_command(file: Path, reports: str | None, parts: tuple[str, ...], between: float, **chosen: Any) -> None:
    """Rehearse the rollout: exit 0: all that is promised holds, 1: not so, 2: not all was measured."""
    console = Console()

    async def measured() -> int:
        settings = read_settings(file, {} if reports is None else {"reports": reports})
        settings = isolate(settings, (), lambda line: console.print(line, highlight=False), config=True)
        return await _drilled(DrillPlan(settings, pace=steady(between), **chosen), parts or tuple(PARTS), console)

    run_to_its_exit_code(console, measured)


async def _drilled(plan: DrillPlan, parts: tuple[str, ...], console: Console) -> int:
    def tell(line: str) -> None:
        console.print(line, highlight=False, markup=False)

    with new_run(plan.settings.reports) as (_, folder):
        lines = await drill(plan, parts, folder / "logs", tell)
        pace = {"clients": plan.clients, "between": plan.pace.between, "soak_minutes": plan.soak_minutes}
        how = {**pace, **tree(lines)}
        (folder / "drill.json").write_text(json.dumps(stamped(how, plan.settings), indent=1), encoding="utf-8")
    report_beside(plan.settings, tell)
    console.print(_table(lines))
    verdict = tree(lines)["verdict"]
    tell(f"the drill: {verdict}")
    return _CODES[verdict]


def _table(lines: list[Line]) -> Table:
    table = Table("", "target", "measured", "how")
    for line in lines:
        mark = {True: "met", False: "MISSED", None: "not measured"}[line.met]
        value = "" if line.value is None else f"{line.value:.4g} {line.unit}"
        table.add_row(f"{mark}: {line.what}", line.target, value, line.measured_as)
    return table
