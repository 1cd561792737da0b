"""`python -m harness self`: the command, from its options to its exit code."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from harness.errors import HarnessError
from harness.exit_code import run_to_its_exit_code
from harness.journey import Plan, beside_latest, plan_of
from harness.reporting import report_beside
from harness.self_comparison import SelfRun, compare_with_itself, write
from harness.settings import read_settings
from harness.site import isolate
from harness.traffic.scenario_file import read_all


@click.command("self")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--runs", type=click.IntRange(1), default=20, show_default=True, help="How many times.")
@click.option("--baseline", metavar="TARGET", help="The target that is compared with itself.")
@click.option("--config", metavar="FILE", help="The gateway's configuration.")
@click.option("--scenarios", metavar="FOLDER", help="Where the scenarios are.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go: self.json beside those of the latest run.")
@click.option("--concurrency", type=click.IntRange(1), help="Scenarios at once on each target.")
@click.option("-k", "text", default="", help="Only scenarios whose id contains this.")
@click.option("--seed", type=int, help="Of the first run; each further one has the next.")
def self_command(file: Path, runs: int, text: str, seed: int | None, **options: str | int | None) -> None:
    """Compare the baseline with itself. Exit 0: nothing was found, 1: false alarms, 2: no judgement."""
    console = Console()

    async def again_and_again() -> int:
        settings = read_settings(file, {name: value for name, value in options.items() if value is not None})
        settings = isolate(settings, (settings.baseline,), lambda line: console.print(line, highlight=False))
        picked = [each for each in read_all(settings.scenarios) if text in each.id]
        return await _compared(plan_of(settings, picked, seed, {}, whole=False), runs, console)

    run_to_its_exit_code(console, again_and_again)


async def _compared(plan: Plan, runs: int, console: Console) -> int:
    def told(run: SelfRun | str) -> None:
        if isinstance(run, str):
            console.print(run, highlight=False, markup=False)
            return
        names = ", ".join(f"{verdict.scenario} ({verdict.outcome})" for verdict in run.found)
        names = ", ".join(filter(None, (names, run.late.told if run.late else ""))) or "nothing found"
        names += f" (flaky: {', '.join(run.flaky)})" if run.flaky else ""
        console.print(f"run {run.number + 1} of {runs}, seed {run.seed}, {run.seconds:.1f} s: {names}", highlight=False)

    reports = plan.settings.reports
    with beside_latest(reports) as folder:
        found = await compare_with_itself(plan, runs, folder, told)
        file = write(found, folder, plan.settings)
    report_beside(plan.settings, lambda line: console.print(line, highlight=False))
    alarms, done = sum(run.has_alarm for run in found.done), len(found.done)
    console.print(
        f"{alarms} of {done} self-comparisons with a finding: {reports / 'latest' / file.name}", highlight=False
    )
    if found.ended is not None:
        raise HarnessError(f"after {done} of {runs}: {found.ended}")
    return 1 if alarms else 0
