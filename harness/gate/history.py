"""Every run of the gate, a line each: reports/history.ndjson, which only ever grows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "history.ndjson"


def append(reports: Path, tree: Mapping[str, Any]) -> None:
    """One line: when, of what, the verdict, and each line's value, noise and verdict. What is there stays, also a line
    that an interrupted run has left without its end."""
    file = reports / FILE
    reports.mkdir(parents=True, exist_ok=True)
    line = json.dumps(_entry(tree), separators=(",", ":")) + "\n"
    with file.open("a+b") as out:
        size = out.seek(0, 2)
        out.seek(max(0, size - 1))
        ended = not size or out.read(1) == b"\n"
        out.write((line if ended else "\n" + line).encode())


def _entry(tree: Mapping[str, Any]) -> dict[str, Any]:
    lines = {one["metric"]: {key: one[key] for key in ("value", "noise", "unit", "verdict")} for one in tree["lines"]}
    return {"run": tree["run"], "made": tree["made"], "verdict": tree["verdict"], "lines": lines}


def read(reports: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """The runs, oldest first; and the numbers of the lines that are damaged, which are left out."""
    try:
        lines = (reports / FILE).read_bytes().split(b"\n")
    except OSError:
        return [], []
    found = [(number, _parsed(line)) for number, line in enumerate(lines, 1) if line.strip()]
    return [entry for _, entry in found if entry], [number for number, entry in found if not entry]


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and {"run", "verdict", "lines"} <= entry.keys()
    return entry if whole else None
