"""What would make the verdict meaningless, as sentences: a reader meets these before any figure. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.collected import MEASURED

_NAMED = 4  # scenarios, declarations, ... that are named; of the others the number


@dataclass(frozen=True, slots=True)
class Doubt:
    """`what` is the kind in two or three words; `told` a sentence; `then` what to do."""

    what: str
    told: str
    then: str


def doubts(
    trees: Mapping[str, Mapping[str, Any]], stale: Mapping[str, Sequence[str]], dirty: int, library: int
) -> list[Doubt]:
    """`trees`: what was measured, by name; `stale`: what has changed since, by name; `dirty`: files that are not
    committed now; `library`: how many scenarios there are."""
    found = [*_dirty(dirty), *_stale(trees, stale)]
    if "parity" in trees:
        found += _parity(trees["parity"], library)
    if trees.get("gate", {}).get("ended"):
        found.append(Doubt("gate ended early", f"{trees['gate']['ended']}.", MEASURED["gate"]))
    if "load" in trees:
        found += _load(trees["load"])
    if "self" in trees:
        found += _self(trees["self"])
    return [*found, *_missing(trees)]


def _dirty(files: int) -> Iterator[Doubt]:
    if files:
        yield Doubt("dirty tree", f"{files} files differ from the commit, or are not in it.", "commit, measure again")


def _stale(trees: Mapping[str, Any], stale: Mapping[str, Sequence[str]]) -> Iterator[Doubt]:
    """What is stale for the same reason in one sentence."""
    because: dict[str, list[str]] = {}
    for name, changes in stale.items():
        if name in trees and changes:
            because.setdefault("; ".join(changes), []).append(name)
    for changes_told, names in because.items():
        yield Doubt("stale", f"{', '.join(names)}: {changes_told}.", "; ".join(MEASURED[name] for name in names))


def _parity(parity: Mapping[str, Any], library: int) -> Iterator[Doubt]:
    if parity.get("problem"):
        yield Doubt("no evidence", f"{parity['problem']}.", MEASURED["parity"])
    of = {outcome: _ids(parity, outcome) for outcome in ("noisy", "broken")}
    if of["noisy"]:
        yield Doubt("noisy scenarios", f"The baseline differs from itself in {_named(of['noisy'])}.", "nox -s self")
    if of["broken"]:
        yield Doubt("broken scenarios", f"No judgement is possible on {_named(of['broken'])}.", MEASURED["parity"])
    for problem in ("unused", "expired", "shadowed", "unproven"):
        names = [one["id"] for one in parity.get("stale_declarations", ()) if one["problem"] == problem]
        if names:
            yield Doubt(f"{problem} declarations", f"{_named(names)}.", "edit scenarios/differences.toml")
    seen = len(parity.get("scenarios", ()))
    if seen < library:
        yield Doubt("partial run", f"{seen} of {library} scenarios were replayed.", MEASURED["parity"])


def _load(load: Mapping[str, Any]) -> Iterator[Doubt]:
    if load.get("ended"):
        yield Doubt("load ended early", f"{load['ended']}.", MEASURED["load"])
    if load.get("disturbed"):
        told = "; ".join(map(str, load["disturbed"][:_NAMED]))
        yield Doubt("loaded machine", f"The load figures are not the targets' own: {told}.", MEASURED["load"])


def _self(told: Mapping[str, Any]) -> Iterator[Doubt]:
    if told.get("findings"):
        runs, alarms = told.get("runs"), told.get("runs_with_findings")
        yield Doubt("false alarms", f"{alarms} of {runs} comparisons of the baseline with itself found something.", "")
    if told.get("ended"):
        why = str(told["ended"]).partition("\n")[0]
        yield Doubt("self-comparison ended early", f"After {told.get('runs')} runs: {why}", MEASURED["self"])


def _missing(trees: Mapping[str, Any]) -> Iterator[Doubt]:
    missing = [name for name in MEASURED if name not in trees]
    if missing:
        commands = "; ".join(MEASURED[name] for name in missing)
        yield Doubt("not measured", f"{', '.join(missing)}: nothing is known of them, good or bad.", commands)


def _ids(parity: Mapping[str, Any], outcome: str) -> list[str]:
    return [one["id"] for one in parity.get("scenarios", ()) if one["outcome"] == outcome]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
