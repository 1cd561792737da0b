"""`python -m harness report` and `body`: what was measured, as a page; and a request's body, for a curl."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from harness.errors import BadInput
from harness.exit_code import run_to_its_exit_code
from harness.reporting import report
from harness.settings import read_settings
from harness.traffic.scenario_file import read

_settings = click.option(
    "--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True
)


@click.command("report")
@_settings
@click.option("--reports", metavar="FOLDER", help="Where the reports are.")
def report_command(file: Path, reports: str | None) -> None:
    """Write the page again, from all that was measured. Nothing is started. Exit 0: it is there."""
    console = Console()

    async def wrote() -> int:
        for path in report(read_settings(file, {"reports": reports} if reports else {})):
            console.print(f"report          {path}", highlight=False, soft_wrap=True)
        return 0

    run_to_its_exit_code(console, wrote)


@click.command("body")
@click.argument("scenario")
@click.option("--step", type=click.IntRange(0), default=0, show_default=True)
@_settings
def body_command(scenario: str, step: int, file: Path) -> None:
    """The body that a step of SCENARIO sends, as it is: to be piped into curl --data-binary @-."""

    async def wrote() -> int:
        steps = read(_file_of(scenario, read_settings(file, {}).scenarios)).steps
        if step >= len(steps):
            raise BadInput(f"it has no step {step}, only {len(steps)}", scenario)
        sys.stdout.buffer.write(steps[step].request.body)
        return 0

    run_to_its_exit_code(Console(stderr=True), wrote)


def _file_of(scenario: str, folder: Path) -> Path:
    file = folder / f"{scenario}.yaml"
    if not file.is_file():
        raise BadInput("there is no such scenario", file)
    return file
