"""`python -m harness explain`: one scenario of a stored run, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from harness.comparison.canonical import canonical_pair
from harness.comparison.run import Reference
from harness.comparison.tree import tree
from harness.errors import BadInput
from harness.exit_code import run_to_its_exit_code
from harness.journey import OBSERVATIONS
from harness.model import Observation, Role
from harness.observation import store
from harness.report.explain import explain
from harness.settings import read_settings
from harness.traffic.scenario_file import read_all


@click.command("explain")
@click.argument("scenario")
@click.option("--run", "folder", type=click.Path(path_type=Path), default=Path("reports/latest"), show_default=True)
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--url", default="http://127.0.0.1:8765", show_default=True, help="Where the curl commands send to.")
@click.option("--width", type=click.IntRange(60), default=160, show_default=True)
def explain_command(scenario: str, folder: Path, file: Path, url: str, width: int) -> None:
    """Both faces of SCENARIO in a stored run, side by side, the differences marked, and the curl for each request."""
    console = Console()

    async def told() -> int:
        for line in explained(scenario, folder, file, url, width):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return 0

    run_to_its_exit_code(console, told)


def explained(name: str, folder: Path, file: Path, url: str, width: int) -> Iterator[str]:
    """Raises `BadInput` for a scenario that the run, or the library, does not have."""
    scenarios = {each.id: each for each in read_all(read_settings(file, {}).scenarios)}
    run = _by_scenario(store.read(folder / OBSERVATIONS))
    if name not in run or name not in scenarios:
        alike = [each for each in run if name in each]
        raise BadInput(f"there is no {name!r} in it" + (f": is it {', '.join(alike[:5])}?" if alike else ""), folder)
    reference, seen = Reference.of(run), run[name]
    compared = reference.compared(name, seen)
    if compared.problem is not None:
        raise BadInput(f"{name} could not be compared: {compared.problem}", folder)
    trees = {role: tree(observation) for role, observation in seen.items()}
    places = reference.volatile.places(name, trees[Role.BASELINE])
    pair = canonical_pair(trees[Role.BASELINE], trees[Role.CANDIDATE], places)
    yield from explain(scenarios[name], *pair, compared.found, url, width)


def _by_scenario(observations: Iterator[Observation]) -> dict[str, dict[Role, Observation]]:
    run: dict[str, dict[Role, Observation]] = {}
    for observation in observations:
        run.setdefault(observation.scenario, {})[observation.role] = observation
    return run
