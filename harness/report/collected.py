"""The newest of each measurement, whichever run's folder it is in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

# What there is to measure, and the command that does.
MEASURED: Mapping[str, str] = MappingProxyType(
    {
        "gate": "nox -s gate",
        "parity": "nox -s parity",
        "load": "nox -s load",
        "sabotage": "nox -s sabotage",
        "self": "nox -s self",
        "cookies": "nox -s cookies",
        "soak": "nox -s soak",
        "fuzz": "nox -s fuzz",
        "canary": "nox -s canary",
        "shadow": "python deploy/run_proxies.py shadow on",
    }
)
# What a report reads of each: a file without it was written by another version, or by something else.
_NEEDED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "gate": frozenset({"verdict", "lines", "ended", "made", "seconds"}),
        "parity": frozenset({"verdict", "exit_code", "scenarios", "totals", "coverage", "footprints", "excesses"}),
        "load": frozenset({"measured_as", "disturbed", "ended", "metrics", "windows"}),
        "sabotage": frozenset({"planted", "totals"}),
        "self": frozenset({"runs", "runs_with_findings", "scenarios", "details"}),
        "cookies": frozenset({"phases", "problems"}),
        "soak": frozenset({"highest_rss_mib", "growth_mib_a_minute", "streams", "minutes"}),
        "fuzz": frozenset({"requests", "faults"}),
        "canary": frozenset({"secrets", "found", "requests"}),
        "shadow": frozenset({"told", "judged", "outcomes", "not_judged", "ways"}),
    }
)
_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType({"gate": ("gate-load", "clients")})
_HISTORY = "history.ndjson"
_LATEST_OF_HISTORY = 60


@dataclass(frozen=True, slots=True)
class Measurement:
    """`tree` is the file as it is; `made` is in it, if it says of what it is true. `at`: ISO 8601, UTC."""

    name: str
    run: str
    folder: Path
    at: str
    made: Mapping[str, Any] | None
    tree: Mapping[str, Any]
    parts: Mapping[str, Any] = field(default_factory=dict)  # what else it has measured, by the name of its file


def newest(reports: Path) -> tuple[dict[str, Measurement], list[str]]:
    """By name; and which files could not be read.

    The time of a file changes when it is copied: what says itself when it was made is believed first.
    """
    found: dict[str, Measurement] = {}
    unreadable: list[str] = []
    for name in MEASURED:
        of_one: list[Measurement] = []
        for file in sorted(reports.glob(f"runs/[!.]*/{name}.json")):
            try:
                of_one.append(_measurement(name, file))
            except (OSError, ValueError) as error:
                unreadable.append(f"{file.relative_to(reports)} is not readable: {error}")
        if of_one:
            found[name] = max(of_one, key=lambda each: (each.made is not None, each.at))
    return found, unreadable


def history(reports: Path) -> list[dict[str, Any]]:
    """The last runs of the gate, oldest first; a line that is damaged is left out."""
    try:
        lines = (reports / _HISTORY).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [*_objects(lines[-_LATEST_OF_HISTORY:])]


def _measurement(name: str, file: Path) -> Measurement:
    tree = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(tree, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - a file, not an argument
    if missing := _NEEDED[name] - tree.keys():
        raise ValueError(f"it has no {', '.join(sorted(missing))}")
    made = tree.get("made") if isinstance(tree.get("made"), dict) else None
    at = made["at"] if made and isinstance(made.get("at"), str) else _written(file)
    parts = {part: _part(file.with_name(f"{part}.json")) for part in _PARTS.get(name, ())}
    return Measurement(name, file.parent.name, file.parent, at, made, tree, parts)


def _part(file: Path) -> dict[str, Any] | None:
    """None where that part was not measured, or its file is damaged."""
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return tree if isinstance(tree, dict) else None


def _written(file: Path) -> str:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _objects(lines: list[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and {"verdict", "lines", "made"} <= entry.keys():
            yield entry
