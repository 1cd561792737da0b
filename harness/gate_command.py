"""`python -m harness gate`: ready for the cutover, not ready, or not to be said. From its options to its exit code."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from harness.client_trials import install_clients
from harness.errors import BadInput
from harness.exit_code import INTERRUPTED, run_to_its_exit_code
from harness.gate import history, manifest
from harness.gate.line import Line
from harness.gate.report import HEADER, About, gate_junit, gate_markdown, gate_tree, rows
from harness.gate_journey import PARTS, Gate, measured
from harness.journey import new_run
from harness.provenance import made, stale
from harness.report.files import written
from harness.reporting import report_beside
from harness.settings import Settings, read_settings
from harness.site import isolate, refuse_foreign

_STYLES = {"passed": "green", "failed": "bold red", "inconclusive": "yellow"}
_NAMES = tuple(part.name for part in PARTS)
_settings = click.option(
    "--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True
)


@click.command("gate")
@_settings
@click.option("--candidate", metavar="TARGET", help="The target that is judged.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go: gate.json, gate.md, junit.xml.")
@click.option("--only", metavar=",".join(_NAMES), help="Only these parts; the others' lines are inconclusive.")
@click.option("--fresh", is_flag=True, help="Measure all anew, also what was measured of this very commit.")
@click.option("--show", is_flag=True, help="The last verdict, and whether it still holds. Nothing is measured.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache"), show_default=True)
def gate_command(file: Path, only: str | None, fresh: bool, show: bool, cache: Path, **given: str | None) -> None:
    """Is the candidate ready to take over? Exit 0: READY, 1: NOT READY, 2: INCONCLUSIVE."""
    console = Console()

    async def judged() -> int:
        settings = read_settings(file, {name: value for name, value in given.items() if value is not None})
        if show:
            return _show_last(settings, console)
        return await _gate(settings, _chosen(only), cache, fresh, console)

    run_to_its_exit_code(console, judged)


def _chosen(only: str | None) -> tuple[str, ...]:
    names = tuple(only.split(",")) if only else _NAMES
    if unknown := [name for name in names if name not in _NAMES]:
        raise BadInput(f"the gate has no part {unknown[0]!r}: name some of {', '.join(_NAMES)}")
    return names


async def _gate(settings: Settings, chosen: Sequence[str], cache: Path, fresh: bool, console: Console) -> int:
    """Whatever ends it early, what was measured is reported."""
    began, lines = time.monotonic(), dict[str, Line]()
    stopped: BaseException | None = None

    def tell(line: str) -> None:
        minutes, seconds = divmod(round(time.monotonic() - began), 60)
        console.print(f"{minutes:2}:{seconds:02} {line}", markup=False, highlight=False, soft_wrap=True)

    def put(some: Iterable[Line]) -> None:
        lines.update({line.metric: line for line in some})

    names = (settings.baseline, settings.candidate)
    refuse_foreign(settings, names)
    missing = await install_clients(cache) if "clients" in chosen else {}  # package managers need the network
    settings = isolate(settings, names, tell)
    now = made(settings.config, network=settings.network)
    with new_run(settings.reports) as (run, folder):
        try:
            await measured(Gate(settings, run, folder, cache, now, fresh, missing), chosen, tell, put)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it goes on, below
            stopped = error
        ended = None if stopped is None else str(stopped).partition("\n")[0] or "interrupted"
        tree = gate_tree([*lines.values()], About(run, time.monotonic() - began, now, ended))
        _write(tree, folder)
    history.append(settings.reports, tree)
    _publish(report_beside(settings, lambda line: console.print(line, highlight=False)))
    _show(tree, settings.reports, console)
    if isinstance(stopped, Exception):
        raise stopped
    return INTERRUPTED if stopped else int(tree["exit_code"])


def _write(tree: dict[str, Any], folder: Path) -> None:
    written(folder / "gate.json", json.dumps(tree, indent=1, ensure_ascii=False) + "\n")
    written(folder / "gate.md", gate_markdown(tree))
    written(folder / "junit.xml", gate_junit(tree))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as out:
            out.write(gate_markdown(tree))


def _publish(reports: Iterable[Path]) -> None:
    """junit.xml, which is what a CI shows, has all stages; without a page it keeps the gate's lines alone."""
    for file in reports:
        if file.suffix == ".xml":
            written(file.with_name("junit.xml"), file.read_text(encoding="utf-8"))


def _show(tree: dict[str, Any], reports: Path, console: Console) -> None:
    table = Table(box=SIMPLE)
    for name in HEADER:
        table.add_column(name, no_wrap=name != "measured")
    for one, row in zip(tree["lines"], rows(tree), strict=True):
        table.add_row(*row, style=_STYLES[one["verdict"]])
    console.print(table)
    for one in tree["lines"]:
        if one["why"]:
            console.print(f"{one['metric']}: {one['why']}", markup=False, highlight=False, soft_wrap=True)
    if tree["ended"]:
        console.print(f"not to its end: {tree['ended']}", markup=False, highlight=False, soft_wrap=True)
    _, damaged = history.read(reports)
    if damaged:
        console.print(f"{reports / history.FILE}: {len(damaged)} damaged lines are left out", highlight=False)
    console.print(f"\n{tree['verdict']}", style="bold", end="  ")
    console.print(f"{reports / 'runs' / tree['run'] / 'gate.json'}", highlight=False, soft_wrap=True)


def _show_last(settings: Settings, console: Console) -> int:
    """The exit code of the verdict; 2 where it does not hold any more."""
    files = sorted(settings.reports.glob("runs/[!.]*/gate.json"))
    if not files:
        raise BadInput("there is no verdict yet: run `nox -s gate`", settings.reports)
    try:
        tree = json.loads(files[-1].read_text(encoding="utf-8"))
        changes = stale(tree["made"], made(settings.config))
        _show(tree, settings.reports, console)
        code = int(tree["exit_code"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput("is not what the gate writes", files[-1]) from error
    for change in changes:
        console.print(f"stale: {change}", style="yellow", highlight=False)
    return 2 if changes else code


@click.command("untouched")
@_settings
@click.option("--reason", required=True, help="Why what must not be touched was touched.")
def untouched_command(file: Path, reason: str) -> None:
    """Write the checksums of what the cutover must not touch, with the reason."""
    console = Console()

    async def wrote() -> int:
        gate = read_settings(file, {}).gate
        manifest.write(gate.manifest, gate.untouched, reason, f"{datetime.now(UTC):%Y-%m-%d}")
        console.print(f"{gate.manifest}: {len(gate.untouched)} files", highlight=False)
        return 0

    run_to_its_exit_code(console, wrote)
