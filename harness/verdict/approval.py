"""An undeclared difference -> the entry that would declare it, as text: somebody has to give the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BadInput
from harness.model import Difference, Kind, Verdict
from harness.verdict.declared import read_declarations
from harness.verdict.senses import leaks

SHORTEST = 20  # characters of a reason: see `declared`


@dataclass(frozen=True, slots=True)
class Undeclared:
    """The same difference in some scenarios: one thing to decide."""

    where: str  # a path with * for each number
    kind: Kind
    scenarios: tuple[str, ...]
    example: Difference

    @property
    def secret(self) -> bool:
        """A secret that got out: no declaration covers it."""
        return leaks(self.example)


def undeclared(verdicts: Sequence[Verdict]) -> tuple[Undeclared, ...]:
    """In the order of the verdicts."""
    gathered: dict[tuple[str, Kind], list[tuple[str, Difference]]] = {}
    for verdict in verdicts:
        for difference in verdict.unexplained:
            place = re.sub(r"(?<=/)\d+(?=/|$)", "*", difference.path), difference.kind
            gathered.setdefault(place, []).append((verdict.scenario, difference))
    return tuple(
        Undeclared(where, kind, tuple(dict.fromkeys(name for name, _ in found)), found[0][1])
        for (where, kind), found in gathered.items()
    )


def scenarios_of(scenarios: Sequence[str]) -> str:
    """A pattern for just these, as far as one pattern can say it: the scenario, its client's folder, or all."""
    if len(scenarios) == 1:
        return scenarios[0]
    clients = {name.partition("/")[0] for name in scenarios}
    return f"{clients.pop()}/*" if len(clients) == 1 else "**"


def entry(name: str, one: Undeclared, why: str, since: str, *, better: bool) -> str:
    """TOML; a JSON text without an escape of a code point above the first plane is one of TOML, too."""
    lines = [
        "[[difference]]",
        f"id = {json.dumps(name)}",
        f"where = {_toml(one.where)}",
        f"kinds = [{json.dumps(str(one.kind))}]",
        f"why = {_toml(why)}",
        f"since = {since}",
        f"scenarios = {_toml(scenarios_of(one.scenarios))}",
    ]
    return "\n".join([*lines, *(["better = true"] if better else [])]) + "\n"


def append(file: Path, text: str) -> None:
    """Raises `BadInput`, and leaves the file as it was, where the entry cannot stand in it."""
    before = file.read_bytes()
    try:
        after = (before.rstrip(b"\n") + b"\n\n" if before.strip() else b"") + text.encode()
    except UnicodeEncodeError as error:
        raise BadInput("the entry holds half a surrogate pair: write it by hand", file) from error
    file.write_bytes(after)
    try:
        read_declarations(file)
    except BadInput:
        file.write_bytes(before)
        raise


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
