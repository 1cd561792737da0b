"""`python -m harness fuzz | soak | canary | leaving`: from the options to the exit code, with a JSON report each."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.exit_code import run_to_its_exit_code
from harness.fast_path_journey import FastPathPlan, fuzz_fast_path, replay_sequence
from harness.journey import new_run
from harness.provenance import stamped
from harness.reporting import report_beside
from harness.settings import Settings, read_settings
from harness.site import isolate
from harness.trial_journey import SoakPlan, canary, fuzz, leaving, soak
from harness.verdict.declared import read_declarations

Trial = Callable[[Settings, Path, Callable[[str], None]], Awaitable[dict[str, Any]]]
_settings = click.option(
    "--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True
)
_reports = click.option("--reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)


@click.command("fuzz")
@_settings
@_reports
@click.option("--requests", "number", type=click.IntRange(1, 100_000), default=2000, show_default=True)
@click.option("--seed", type=int, help="The requests of an earlier run again; it is in its report.")
@click.option("--patience", type=click.FloatRange(1), default=30.0, show_default=True, help="Seconds for a request.")
@click.option(
    "--fast-path", is_flag=True, help="Sequences of calls instead, to the candidate with its fast path and without."
)
@click.option(
    "--sequences", type=click.IntRange(1, 1_000_000), default=20_000, show_default=True, help="Of --fast-path."
)
@click.option("--workers", type=click.IntRange(1, 64), default=16, show_default=True, help="Sequences at once.")
@click.option("--shrink-seconds", type=float, default=60.0, show_default=True, help="For each difference.")
@click.option(
    "--baseline-share",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="One sequence of so many goes to the baseline too: 1 for all, 0 for none.",
)
@click.option("--replay", type=click.Path(path_type=Path), help="A sequence that --fast-path has reported, once more.")
def fuzz_command(
    file: Path,
    reports: Path,
    number: int,
    seed: int | None,
    patience: float,
    fast_path: bool,
    replay: Path | None,
    **given: Any,
) -> None:
    """Send both targets what nobody would send. Exit 1: the candidate fails where the baseline does not.

    With --fast-path: sequences of calls that share a cache key. Exit 1: the answers, the upstream's calls or the side
    effects are not those of the candidate without its fast path, or of the baseline, but for declared differences.
    """
    first = secrets.randbelow(2**32) if seed is None else seed
    if fast_path or replay is not None:
        _run_fast_path(file, reports, replay, seed=first, **given)
        return

    def bad(tree: dict[str, Any]) -> bool:
        return bool(tree["faults"])

    _run("fuzz", file, reports, lambda s, logs, tell: fuzz(s, number, first, patience, logs, tell), bad)


def _run_fast_path(file: Path, reports: Path, replay: Path | None, **given: Any) -> None:
    async def trial(settings: Settings, logs: Path, tell: Callable[[str], None]) -> dict[str, Any]:
        plan = FastPathPlan(settings, read_declarations(settings.differences), **given)
        if replay is not None:
            return await replay_sequence(plan, replay, logs.parent, tell)
        return await fuzz_fast_path(plan, logs.parent, tell)

    _run("fast-path-fuzz", file, reports, trial, lambda tree: bool(tree["differences"]))


@click.command("soak")
@_settings
@_reports
@click.option("--streams", type=click.IntRange(1, 5000), default=50, show_default=True)
@click.option("--minutes", type=click.FloatRange(1, 1440), default=10.0, show_default=True)
@click.option("--warm-up", type=click.FloatRange(0), default=2.0, show_default=True, help="Minutes before the first.")
@click.option("--between", type=click.FloatRange(0), default=0.05, show_default=True, help="Between events, seconds.")
@click.option("--most-mib", type=float, default=350.0, show_default=True)
@click.option("--most-growth", type=float, default=1.0, show_default=True, help="MiB a minute.")
def soak_command(file: Path, reports: Path, most_mib: float, most_growth: float, **given: Any) -> None:
    """Memory of the candidate under mixed streams. Exit 1: too much, or it grows, or an answer is not whole."""

    def bad(tree: dict[str, Any]) -> bool:
        grown = tree["growth_mib_a_minute"]
        broken = set(tree["answers"]) != {"whole"}
        return broken or tree["highest_rss_mib"] > most_mib or grown is None or grown > most_growth

    _run("soak", file, reports, lambda s, logs, tell: soak(SoakPlan(s, **given), logs, tell), bad)


@click.command("canary")
@_settings
@_reports
def canary_command(file: Path, reports: Path) -> None:
    """Put a secret wherever one can be. Exit 1: the candidate's log or metrics have one."""

    def bad(tree: dict[str, Any]) -> bool:
        return bool(tree["found"])

    _run("canary", file, reports, canary, bad)


@click.command("leaving")
@_settings
@_reports
@click.option("--rounds", type=click.IntRange(1, 1000), default=3, show_default=True, help="Of each case.")
def leaving_command(file: Path, reports: Path, rounds: int) -> None:
    """How soon the upstream's call ends when the client leaves. Exit 1: one takes over 100 ms."""

    def bad(tree: dict[str, Any]) -> bool:
        return bool(tree["late"])

    _run("leaving", file, reports, lambda s, logs, tell: leaving(s, rounds, logs, tell), bad)


def _run(name: str, file: Path, reports: Path, trial: Trial, bad: Callable[[dict[str, Any]], bool]) -> None:
    console = Console()

    async def tried() -> int:
        settings = read_settings(file, {})
        settings = isolate(
            settings, (settings.baseline, settings.candidate), lambda line: console.print(line, highlight=False)
        )
        with new_run(reports) as (run, folder):
            found = await trial(settings, folder / "logs", lambda line: console.print(line, highlight=False))
            tree = stamped(found, settings)
            (folder / f"{name}.json").write_text(json.dumps(tree, indent=1), encoding="utf-8")
        stored = settings.model_copy(update={"reports": reports})
        report_beside(stored, lambda line: console.print(line, highlight=False))
        console.print_json(
            data={
                key: value
                for key, value in tree.items()
                if key not in ("faults", "cases", "differences", "not_seen_again")
            }
        )
        for fault in tree.get("faults", ()):
            console.print(f"{fault['method']} {fault['path']}: {fault['what']}", markup=False, highlight=False)
        for found in tree.get("differences", ()):
            place = reports / "runs" / run / found["file"]
            told = f"{found['steps']} calls differ from those of the one {found['beside']}: {'; '.join(found['paths'])}"
            console.print(f"{told}\n  python -m harness fuzz --replay {place}", markup=False, highlight=False)
        console.print(f"report {reports / 'runs' / run / name}.json", highlight=False)
        return 1 if bad(tree) else 0

    run_to_its_exit_code(console, tried)
