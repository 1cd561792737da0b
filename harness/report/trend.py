"""The history of the gate's runs -> one line for each figure that moved through them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH, _HEIGHT, _MARGIN = 240.0, 36.0, 4.0


@dataclass(frozen=True, slots=True)
class Trend:
    """`path`: of an SVG, 240 x 36. `last_at`: the end of it."""

    name: str
    unit: str
    first: float
    last: float
    lowest: float
    highest: float
    path: str
    last_at: tuple[float, float]


def trends(history: Sequence[Mapping[str, Any]]) -> list[Trend]:
    """Of the figures that two runs or more have."""
    columns: dict[str, tuple[str, list[float]]] = {}
    for entry in history:
        for metric, line in (entry.get("lines") or {}).items():
            value = line.get("value")
            if isinstance(value, int | float) and not isinstance(value, bool):
                columns.setdefault(metric, (str(line.get("unit") or ""), []))[1].append(float(value))
    return [_trend(name, unit, values) for name, (unit, values) in columns.items() if len(values) > 1]


def _trend(name: str, unit: str, values: list[float]) -> Trend:
    lowest, highest = min(values), max(values)
    step = (_WIDTH - 2 * _MARGIN) / (len(values) - 1)
    height = _HEIGHT - 2 * _MARGIN
    points = [
        (round(_MARGIN + n * step, 1), round(_MARGIN + height * (1 - _share(value, lowest, highest)), 1))
        for n, value in enumerate(values)
    ]
    path = "M" + " L".join(f"{x} {y}" for x, y in points)
    return Trend(name, unit, values[0], values[-1], lowest, highest, path, points[-1])


def _share(value: float, lowest: float, highest: float) -> float:
    return 0.5 if lowest == highest else (value - lowest) / (highest - lowest)
