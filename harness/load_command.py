"""`python -m harness load`: the command, from its options to its exit code."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from harness.errors import HarnessError
from harness.exit_code import INTERRUPTED, run_to_its_exit_code
from harness.journey import new_run
from harness.load_journey import LoadPlan, rounds, split
from harness.performance.ratio import Judged
from harness.performance.report import HEADER, load_markdown, load_tree, rows
from harness.performance.shapes import SHAPES
from harness.performance.window import Window
from harness.provenance import stamped
from harness.reporting import report_beside
from harness.settings import read_settings
from harness.site import isolate


@click.command("load")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--baseline", metavar="TARGET", help="The target that the other is held against.")
@click.option("--candidate", metavar="TARGET", help="The target that is judged.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go.")
@click.option("--users", type=click.IntRange(1, 5000), default=50, show_default=True)
@click.option("--seconds", type=click.FloatRange(2, 3600), default=20.0, show_default=True, help="Of one window.")
@click.option("--rounds", "number", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option(
    "--first-byte", type=click.FloatRange(0), default=0.3, show_default=True, help="Of the upstream, seconds."
)
@click.option("--between", type=click.FloatRange(0), default=0.02, show_default=True, help="Between events, seconds.")
@click.option("--shape", type=click.Choice([*SHAPES]), default="steady", show_default=True)
@click.option("--only", default="", help="Only calls whose name holds this: '/messages streamed'.")
def load_command(file: Path, number: int, **given: Any) -> None:
    """Both targets under the same load, in turn. Exit 0: nothing is worse, 1: something is, 2: no judgement."""
    options = {name: given.pop(name) for name in ("baseline", "candidate", "reports") if given[name] is not None}
    plan_options = {name: value for name, value in given.items() if name not in ("baseline", "candidate", "reports")}
    console = Console()

    async def measured() -> int:
        settings = read_settings(file, options)
        settings = isolate(
            settings, (settings.baseline, settings.candidate), lambda line: console.print(line, highlight=False)
        )
        plan = LoadPlan(settings, rounds=number, **plan_options)
        return await load(plan, console)

    run_to_its_exit_code(console, measured)


async def load(plan: LoadPlan, console: Console) -> int:
    """What was measured is in the report even if a program dies in the middle: then the error comes after it."""
    windows: list[Window] = []
    ended: BaseException | None = None
    with new_run(plan.settings.reports) as (run, folder):
        try:
            async for window in rounds(plan, folder / "logs", lambda line: console.print(line, highlight=False)):
                windows.append(window)
        except (HarnessError, asyncio.CancelledError) as error:
            if not windows:
                raise
            ended = error
        tree = _written(plan, windows, folder, ended)
    report_beside(plan.settings, lambda line: console.print(line, highlight=False))
    _show(console, tree)
    if ended is None:
        return _exit_code(tree)
    console.print(f"not to its end: {tree['ended']}; {len(windows)} windows are in run {run}", highlight=False)
    if isinstance(ended, HarnessError):
        raise ended
    return INTERRUPTED


def _written(plan: LoadPlan, windows: list[Window], folder: Path, ended: BaseException | None) -> dict[str, Any]:
    how = {
        "users": plan.users,
        "seconds_a_window": plan.seconds,
        "rounds": plan.rounds,
        "shape": plan.shape,
        "upstream_first_byte_s": plan.first_byte,
        "upstream_between_events_s": plan.between,
        "events_a_stream": plan.events,
    }
    why = None if ended is None else str(ended).partition("\n")[0] or "interrupted"
    tree = stamped({**load_tree(*split(windows), how), "ended": why}, plan.settings)
    (folder / "load.json").write_text(json.dumps(tree, indent=1), encoding="utf-8")
    (folder / "load.md").write_text(load_markdown(tree), encoding="utf-8")
    return tree


def _show(console: Console, tree: dict[str, Any]) -> None:
    table = Table(box=SIMPLE)
    for number, name in enumerate(HEADER):
        table.add_column(name, justify="right" if 1 < number < len(HEADER) - 1 else "left", no_wrap=True)
    for row in rows(tree):
        table.add_row(*row)
    console.print(table)
    for why in tree["disturbed"]:
        console.print(f"not quiet: {why}", highlight=False)


def _exit_code(tree: dict[str, Any]) -> int:
    if tree["disturbed"]:
        return 2
    return 1 if any(one["verdict"] == Judged.WORSE for one in tree["metrics"]) else 0
