"""What the terminal says: a line per scenario, and the verdict at the end. Readable in 80 columns, without colour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.model import Outcome, Severity, Verdict
from harness.report.places import Place, by_severity, places, sides
from harness.report.summary import Summary, outcomes, undeclared_words

_STYLES = {
    Outcome.SAME: "green",
    Outcome.ALLOWED: "cyan",
    Outcome.COSMETIC: "blue",
    Outcome.DIFFERENT: "bold red",
    Outcome.NOISY: "bold yellow",
    Outcome.BROKEN: "bold magenta",
}
_VERDICT_STYLES = {0: "bold green", 1: "bold red", 2: "bold yellow"}
_LONGEST = 64  # characters of a value; the files have all of it
_MOST_PLACES = 20


def show_scenario(console: Console, verdict: Verdict) -> None:
    """One line."""
    cosmetic = sum(difference.severity is Severity.COSMETIC for difference in verdict.unexplained)
    counts = [
        (len(verdict.unexplained) - cosmetic, "undeclared"),
        (cosmetic, "cosmetic"),
        (len(verdict.allowed), "declared"),
        (len(verdict.noise), "noise"),
        (len(verdict.broken), "must"),
        (verdict.replays, "replays"),
    ]
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    line = Text(f"{verdict.outcome:<9} ", style=_STYLES[verdict.outcome])
    line.append(verdict.scenario, style="default")
    line.append(f"  {told}" if told else "", style="dim")
    console.print(line, soft_wrap=True)


def show_verdict(console: Console, result: Summary, files: tuple[Path, ...] = ()) -> None:
    """What differs where, then the facts of the run, then the verdict as the last line."""
    for line in _report(result, files):
        console.print(line, soft_wrap=True, highlight=False)
    verdict = Text(f"\n{result['verdict'].capitalize()}.", style=_VERDICT_STYLES[result["exit_code"]])
    console.print(verdict, soft_wrap=True)


def _report(result: Summary, files: tuple[Path, ...]) -> Iterator[Text]:
    yield from _problems(result)
    for title, found in by_severity(places(result["scenarios"])):
        yield from _places(title, found)
    yield from _places("The baseline differs from itself", places(result["scenarios"], "noise"))
    for declaration in result["stale_declarations"]:
        yield Text(f"declaration {declaration['id']}: {declaration['problem']} ({declaration['where']})")
    if result["problem"]:
        yield Text(f"\n{result['problem']}", style="bold yellow")
    yield from (Text(f"{excess['sense']}: {excess['told']}", style="bold red") for excess in result["excesses"])
    yield Text("")
    yield from _facts(result)
    yield from (Text(f"report          {file}") for file in files)


def _problems(result: Summary) -> Iterator[Text]:
    """A must that only the baseline breaks is what a declared improvement is about: `allowed`, and no problem."""
    for scenario in result["scenarios"]:
        if scenario["outcome"] == Outcome.ALLOWED:
            continue
        if scenario["problem"]:
            yield Text(f"\n{scenario['id']}: {scenario['problem']}")
        for must in scenario["musts"]:
            value, found = _short(repr(must["value"])), "nothing" if must["absent"] else _short(repr(must["found"]))
            yield Text(f"\n{scenario['id']}, {must['role']}: {must['path']}")
            yield Text(f"    must: {must['check']} {value}\n    is:   {found}")


def _places(title: str, found: list[Place]) -> Iterator[Text]:
    if found:
        yield Text(f"\n{title}", style="bold")
    for place in found[:_MOST_PLACES]:
        more = f" and {len(place.scenarios) - 1} more" if len(place.scenarios) > 1 else ""
        yield Text(f"  {place.kind} {place.where}")
        yield Text(f"    in {place.scenarios[0]}{more}", style="dim")
        yield from (Text(f"    {side:<9} {_short(value)}") for side, value in sides(place.example))
    if len(found) > _MOST_PLACES:
        yield Text(f"  ... and at {len(found) - _MOST_PLACES} more places: see parity.md")


def _facts(result: Summary) -> Iterator[Text]:
    totals = result["totals"]
    for target in result["targets"]:
        yield Text(f"{target['role']:<14}  {target['name']}: {target['version']}")
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes(result["scenarios"]))
    yield Text(f"scenarios       {totals['scenarios']}: {told or 'none'}")
    yield Text(f"exchanges       {totals['exchanges_client']} client, {totals['exchanges_upstream']} upstream")
    yield Text(f"differences     {undeclared_words(totals)}, {totals['declared']} declared")
    if network := (result.get("made") or {}).get("network"):
        yield Text(f"isolation       {network}")
    yield Text(f"run             {result['run']}, seed {result['seed']}, {result['seconds']} s")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
