"""`python -m harness rejudge`: how long a large run takes to be judged again, and how much memory."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import click
from rich.console import Console

from harness.errors import BadInput, HarnessError
from harness.exit_code import run_to_its_exit_code
from harness.journey import OBSERVATIONS
from harness.judging import judge_stored
from harness.model import Declaration, Scenario
from harness.performance.sampling import sample
from harness.settings import read_settings
from harness.traffic.scenario_file import read_all
from harness.verdict.declared import read_declarations

_INTERVAL = 0.1  # seconds between two looks at the memory
_HEAD = b'"scenario":"'


@dataclass(frozen=True, slots=True)
class Rejudged:
    observations: int
    bytes: int
    seconds: float
    rss: int  # bytes, of the process tree, at the most
    outcomes: Counter[str]


@click.command("rejudge")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports/latest"))
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--observations", type=click.IntRange(3), default=100_000, show_default=True, help="At least so many.")
def rejudge_command(folder: Path, file: Path, observations: int) -> None:
    """Repeat a stored run's observations, under names of their own, and judge all of them again. Nothing is started."""
    console = Console()

    async def measured() -> int:
        settings = read_settings(file, {})
        library, declared = read_all(settings.scenarios), read_declarations(settings.differences)
        with tempfile.TemporaryDirectory() as place:
            many = Path(place) / OBSERVATIONS
            scenarios = repeated(folder / OBSERVATIONS, many, library, observations)
            found = rejudged(many, scenarios, declared)
        console.print(told(found), highlight=False)
        return 0

    run_to_its_exit_code(console, measured)


def repeated(stored: Path, many: Path, library: Sequence[Scenario], least: int) -> tuple[Scenario, ...]:
    """Writes copies of what is stored, until there are enough; gives the scenarios that they are of."""
    by_id = {scenario.id: scenario for scenario in library}
    scenarios: dict[str, Scenario] = {}
    written = copy = 0
    with many.open("wb") as out:
        while written < least:
            for name, line in _named(stored):
                if name in by_id:
                    new = f"{name}--{copy}"
                    scenarios[new] = replace(by_id[name], id=new)
                    out.write(line.replace(_HEAD + name.encode(), _HEAD + new.encode(), 1))
                    written += 1
            if not written:
                raise BadInput("holds no observation of a scenario that there is", stored)
            copy += 1
    return tuple(scenarios.values())


def _named(stored: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with stored.open("rb") as lines:
            for line in lines:
                yield line.partition(_HEAD)[2].partition(b'"')[0].decode(), line
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", stored) from error


def rejudged(many: Path, scenarios: Sequence[Scenario], declared: Sequence[Declaration]) -> Rejudged:
    """In a process of its own, whose memory and whose forks' is looked at meanwhile."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_judge, args=(many, scenarios, declared, there))
    began, rss = time.monotonic(), 0
    process.start()
    there.close()
    try:
        while not here.poll(_INTERVAL):
            rss = max(rss, sample([process.pid or 0]).rss)
        outcomes: Counter[str] = here.recv()
    except EOFError as error:
        raise HarnessError("the process that judges has ended before it was through") from error
    finally:
        process.kill()
        process.join()
    with many.open("rb") as lines:
        observations = sum(1 for _ in lines)
    return Rejudged(observations, many.stat().st_size, time.monotonic() - began, rss, outcomes)


def _judge(many: Path, scenarios: Sequence[Scenario], declared: Sequence[Declaration], there: Connection) -> None:
    found = judge_stored(scenarios, many, declared)
    there.send(Counter(str(verdict.outcome) for verdict in found.verdicts))


def told(found: Rejudged) -> str:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.outcomes.items()))
    rate = found.observations / found.seconds
    return (
        f"observations    {found.observations}, {found.bytes / 1e6:.0f} MB\n"
        f"judged again    in {found.seconds:.1f} s, {rate:.0f} a second\n"
        f"memory          {found.rss / 1e6:.0f} MB at the most: RSS of all its processes\n"
        f"scenarios       {outcomes}"
    )
