"""The same difference in forty scenarios is one thing to know: differences by place, the most frequent first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.model import Severity


@dataclass(frozen=True, slots=True)
class Place:
    where: str  # a path with * for each number: it can be used as a declaration's `where`
    kind: str
    scenarios: tuple[str, ...]
    example: Mapping[str, Any]  # the first difference there


def places(scenarios: Iterable[Mapping[str, Any]], key: str = "differences") -> list[Place]:
    """What is undeclared in the scenarios of a summary; with `key` "noise", where the baseline differs from itself."""
    gathered: dict[tuple[str, str, str | None], list[tuple[str, Mapping[str, Any]]]] = {}
    for scenario in scenarios:
        for difference in scenario[key]:
            if difference["declared_by"] is None:
                spot = anywhere(difference["path"]), difference["kind"], difference.get("severity")
                gathered.setdefault(spot, []).append((scenario["id"], difference))
    found = [
        Place(where, kind, tuple(dict.fromkeys(name for name, _ in seen)), seen[0][1])
        for (where, kind, _), seen in gathered.items()
    ]
    return sorted(found, key=lambda place: -len(place.scenarios))


def by_severity(found: Iterable[Place]) -> list[tuple[str, list[Place]]]:
    """Return titles with their undeclared places: first what a client could see, then what is cosmetic."""
    titles: dict[str, list[Place]] = {"Undeclared differences": [], "Cosmetic differences: no client can see them": []}
    seen, cosmetic = titles.values()
    for place in found:
        (cosmetic if place.example.get("severity") == Severity.COSMETIC else seen).append(place)
    return [*titles.items()]


def anywhere(path: str) -> str:
    return "/".join("*" if part.isdecimal() else part for part in path.split("/"))


def sides(difference: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who has what, as JSON; a side that has nothing says so."""
    nothing = {"missing": "candidate", "extra": "baseline"}.get(difference["kind"])
    return [(side, "(nothing)" if side == nothing else shown(difference[side])) for side in ("baseline", "candidate")]


def shown(value: Any) -> str:
    """JSON in which nothing of the wire survives that a terminal or an editor would obey, or could not write."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
