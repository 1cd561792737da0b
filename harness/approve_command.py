"""`python -m harness approve`: what a stored run found undeclared becomes declarations, decision after decision."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from harness.errors import HarnessError
from harness.journey import judged, plan_of, stored_run
from harness.model import Absent, Json
from harness.settings import read_settings
from harness.traffic.scenario_file import read_all
from harness.verdict.approval import SHORTEST, Undeclared, append, entry, undeclared


@click.command("approve")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports/latest"))
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
def approve_command(folder: Path, file: Path) -> None:
    """Decide about each undeclared difference of a stored run. Nothing is written without a reason and a yes.

    Exit 0: nothing is undeclared any more, 1: something is.
    """
    try:
        left = _decide_all(folder, file)
    except HarnessError as error:
        Console().print(f"error: {error}", style="bold red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    sys.exit(1 if left else 0)


def _decide_all(folder: Path, file: Path) -> int:
    """How many are left. Not in an event loop: Ctrl-C ends a prompt at once."""
    run, seed = stored_run(folder)
    settings = read_settings(file, run.names)
    plan = plan_of(settings, read_all(settings.scenarios), seed, {}, whole=False)
    found = undeclared(judged(plan, run).verdicts)
    left = sum(not _decide(one, settings.differences) for one in found)
    click.echo(f"{len(found) - left} declared, {left} left as they are")
    return left


def _decide(one: Undeclared, differences: Path) -> bool:
    """Whether it was declared."""
    more = f" and {len(one.scenarios) - 1} more" if len(one.scenarios) > 1 else ""
    click.echo(f"\n{one.kind} {one.where}\n  in {one.scenarios[0]}{more}")
    click.echo(f"  baseline   {_shown(one.example.baseline)}\n  candidate  {_shown(one.example.candidate)}")
    if one.secret:
        click.echo("  a secret got out: that cannot be declared")
        return False
    why = _asked_why()
    if not why:
        return False
    name = click.prompt("  its name, lower case with hyphens")
    better = click.confirm("  is it better than the baseline, with a must that proves it?", default=False)
    text = entry(name, one, why, f"{datetime.now(UTC):%Y-%m-%d}", better=better)
    click.echo(f"\n{text}")
    if not click.confirm(f"write this to {differences}?", default=False):
        return False
    append(differences, text)
    return True


def _asked_why() -> str:
    """Empty: it stays undeclared."""
    while True:
        why = str(click.prompt("  why is it allowed? (empty: it is not)", default="", show_default=False)).strip()
        if not why or len(why) >= SHORTEST:
            return why
        click.echo(f"  a reason has {SHORTEST} characters at least")


def _shown(value: Json | Absent) -> str:
    return "(nothing)" if isinstance(value, Absent) else json.dumps(value)[:200]
