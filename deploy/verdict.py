"""Whether the gate's verdict allows a cutover: READY, of this very commit, configuration and LiteLLM, and not old."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from harness.provenance import made, stale

READY = "READY"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems`: why it allows no cutover; none where it does. `told`: what the journal keeps of it."""

    problems: tuple[str, ...]
    told: dict[str, Any] | None


def last_verdict(reports: Path, config: Path, root: Path, oldest: timedelta) -> Verdict:
    """`root`: the folder of the project that runs; `oldest`: the age from which a verdict says nothing of today."""
    files = sorted(reports.glob("runs/[!.]*/gate.json"))
    latest = reports / "latest" / "gate.json"
    file = latest if latest.is_file() else files[-1] if files else None
    if file is None:
        return Verdict((f"there is no verdict in {reports}: run `nox -s gate`",), None)
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        verdict, about = str(tree["verdict"]), dict(tree["made"])
        age = datetime.now(UTC) - datetime.fromisoformat(about["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return Verdict((f"{file} is not what the gate writes: run `nox -s gate`",), None)
    problems = [] if verdict == READY else [f"the gate says {verdict} ({file})"]
    problems += [f"the verdict is stale: {change}" for change in stale(about, made(config, root))]
    if age > oldest:
        problems.append(f"the verdict is {age.total_seconds() / 3600:.0f} h old: run `nox -s gate`")
    return Verdict(tuple(problems), {"verdict": verdict, **about, "file": str(file)})
