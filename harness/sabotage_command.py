"""`python -m harness sabotage`: the command, from its options to its exit code."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.console import Console

from harness.exit_code import run_to_its_exit_code
from harness.journey import beside_latest
from harness.noticing import Proof, proof_of, prove, targets_of
from harness.provenance import stamped
from harness.report.sabotage import sabotage_summary, show_planted, write_sabotage
from harness.reporting import report_beside
from harness.settings import read_settings
from harness.site import isolate
from harness.traffic.scenario_file import read_all


@click.command("sabotage")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--baseline", metavar="TARGET", help="The target that is right by definition.")
@click.option("--candidate", metavar="TARGET", help="The target that the regressions are planted around.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go: into the latest run's folder.")
@click.option("-k", "text", default="", help="Only regressions whose name contains this.")
@click.option("--seed", type=int, help="The order of an earlier proof again.")
def sabotage_command(file: Path, text: str, seed: int | None, **options: str | None) -> None:
    """Plant every known regression, and see which sense notices. Exit 0: all are caught, 1: not, 2: no judgement."""
    console = Console()

    async def planted() -> int:
        settings = read_settings(file, {name: value for name, value in options.items() if value is not None})
        settings = isolate(
            settings, (settings.baseline, settings.candidate), lambda line: console.print(line, highlight=False)
        )
        return await sabotage(proof_of(settings, read_all(settings.scenarios), text, seed), console)

    run_to_its_exit_code(console, planted)


async def sabotage(proof: Proof, console: Console) -> int:
    began = time.monotonic()
    with beside_latest(proof.settings.reports) as folder:
        planted = await prove(proof, folder / "logs" / "sabotage", lambda one: show_planted(console, one))
        result = sabotage_summary(planted, proof.seed, time.monotonic() - began, targets_of(proof.settings))
        write_sabotage(stamped(result, proof.settings), folder)
    report_beside(proof.settings, lambda line: console.print(line, highlight=False))
    totals = result["totals"]
    console.print(
        f"\n{totals['caught']} of {totals['planted']} caught: see sabotage.md in the reports", highlight=False
    )
    return 0 if totals["caught"] == totals["planted"] else 1
