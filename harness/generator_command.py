"""`python -m harness generator`: what the load generator can do on this machine, before it judges anybody else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from harness.exit_code import run_to_its_exit_code
from harness.journey import new_run
from harness.load_journey import LoadPlan, loaded, window
from harness.model import Role
from harness.performance.generator import Claim, Held, generator_tree
from harness.provenance import stamped
from harness.settings import read_settings
from harness.site import isolate

_TARGET, _ONLY = "pass-through", "/messages streamed"
_CODES = {Held.YES.value: 0, Held.NO.value: 1, Held.UNKNOWN.value: 2}


@click.command("generator")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--reports", metavar="FOLDER", help="Where the figures go: generator.json.")
@click.option("--target", default=_TARGET, show_default=True, help="What stands between generator and upstream.")
@click.option("--streams", type=click.IntRange(1, 10_000), default=1000, show_default=True)
@click.option(
    "--between", type=click.FloatRange(0.001), default=0.1, show_default=True, help="Between events, seconds."
)
@click.option("--seconds", type=click.FloatRange(5, 3600), default=30.0, show_default=True)
def generator_command(
    file: Path, reports: str | None, target: str, streams: int, between: float, seconds: float
) -> None:
    """Hold many streams at once against a raw pass-through. Exit 0: they are held, 1: the generator is the limit."""
    console = Console()

    async def measured() -> int:
        options = {"candidate": target, "reports": reports}
        settings = read_settings(file, {name: value for name, value in options.items() if value is not None})
        settings = isolate(settings, (settings.candidate,), lambda line: console.print(line, highlight=False))
        plan = LoadPlan(settings, streams, seconds, between=between, only=_ONLY)
        return await generator(replace(plan, arriving=_arriving(plan)), console)

    run_to_its_exit_code(console, measured)


def _arriving(plan: LoadPlan) -> float:
    """As long as a stream takes, if there is time for it: streams that begin together end together, and all of them
    begin anew at one moment. That is no measure of how many can be held."""
    return min(plan.events * plan.between, plan.seconds / 3)


async def generator(plan: LoadPlan, console: Console) -> int:
    with new_run(plan.settings.reports) as (_, folder):
        async with loaded(Role.CANDIDATE, plan, folder / "logs") as place:
            console.print(f"{plan.users} streams through {place.target.name} for {plan.seconds:g} s", highlight=False)
            seen = await window(place, Role.CANDIDATE, plan, plan.seconds)
        tree = stamped(generator_tree(Claim(plan.users, plan.between), seen), plan.settings)
        (folder / "generator.json").write_text(json.dumps(tree, indent=1), encoding="utf-8")
    console.print_json(data=tree)
    return _CODES[tree["verdict"]]
