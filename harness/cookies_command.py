"""`python -m harness cookies`: the command, from its options to its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.cookies_journey import CookiesPlan, phases
from harness.exit_code import run_to_its_exit_code
from harness.journey import new_run
from harness.performance.cookies import cookies_tree
from harness.provenance import stamped
from harness.reporting import report_beside
from harness.settings import read_settings
from harness.site import isolate


@click.command("cookies")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--candidate", metavar="TARGET", help="The gateway; it is told COOKIE_JAR and PROXY_WORKERS.")
@click.option("--reports", metavar="FOLDER", help="Where the figures go: cookies.json.")
@click.option("--requests", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--at-once", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True)
@click.option("--jar", metavar="FILE|redis://...", help="Default: a file of this run.")
def cookies_command(file: Path, candidate: str | None, reports: str | None, **chosen: Any) -> None:
    """Many requests to three origins that challenge. Exit 0: once each, and no client noticed; 1: not so."""
    console = Console()

    async def measured() -> int:
        options = {"candidate": candidate, "reports": reports}
        settings = read_settings(file, {name: value for name, value in options.items() if value is not None})
        jar = str(chosen["jar"] or "")
        why_not = "the jar is a server, which may be outside" if "://" in jar else ""
        settings = isolate(settings, (settings.candidate,), lambda line: console.print(line, highlight=False), why_not)
        return await cookies(CookiesPlan(settings, **chosen), console)

    run_to_its_exit_code(console, measured)


async def cookies(plan: CookiesPlan, console: Console) -> int:
    def tell(line: str) -> None:
        console.print(line, highlight=False)

    with new_run(plan.settings.reports) as (_, folder):
        done = [phase async for phase in phases(plan, folder / "logs", tell)]
        how = {"workers": plan.workers, "at_once": plan.at_once, "target": plan.settings.candidate}
        tree = stamped(cookies_tree(done, how), plan.settings)
        (folder / "cookies.json").write_text(json.dumps(tree, indent=1), encoding="utf-8")
    report_beside(plan.settings, tell)
    console.print_json(data=tree)
    return 1 if tree["problems"] else 0
