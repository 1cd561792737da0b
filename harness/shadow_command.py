"""`python -m harness shadow`: the command, from its options to its exit code. The launcher in `deploy/` starts it."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console

from harness.exit_code import run_to_its_exit_code
from harness.reporting import report_beside
from harness.settings import read_settings
from harness.shadow_journey import ShadowPlan, shadow
from harness.verdict.declared import read_declarations


@click.command("shadow")
@click.argument("calls", type=click.Path(path_type=Path))
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--config", metavar="FILE", help="The gateway's configuration.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go: shadow.json and shadow.md.")
@click.option("--idle/--no-idle", default=True, show_default=True, help="Compute only where nobody else wants to.")
def shadow_command(calls: Path, file: Path, config: str | None, reports: str | None, idle: bool) -> None:
    """Give the candidate a copy of each call of a gateway that runs, and the provider's answer to it; compare.

    CALLS is where the gateway's programs are to tell their calls: a Unix socket, which `run_proxies.py shadow on` tells
    them. No provider is asked. Until Ctrl-C; then exit 0: no call differs, 1: some do, 2: none could be judged.
    """
    console = Console()

    def tell(line: str) -> None:
        console.print(line, highlight=False, markup=False)

    async def shadowed() -> int:
        given = {name: value for name, value in {"config": config, "reports": reports}.items() if value is not None}
        settings = read_settings(file, given)
        plan = ShadowPlan(settings, read_declarations(settings.differences), os.environ, idle)
        code = await shadow(plan, calls, tell)
        report_beside(settings, tell)
        return code

    run_to_its_exit_code(console, shadowed)
