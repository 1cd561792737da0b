"""What the page and summary.md say of the whole, counted once for both. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report.charts import charts
from harness.report.coverage import by_answer, by_place
from harness.report.summary import outcomes
from harness.report.trend import trends


def facts(result: Any) -> dict[str, Any]:
    """What the templates say that is counted, or drawn, from the whole."""
    parity = result["parity"] or {}
    scenarios = parity.get("scenarios", [])
    coverage = parity.get("coverage") or {"cells": [], "holes": []}
    seen = [outcome for outcome, _ in outcomes(scenarios)]
    clients = sorted({one["client"] for one in scenarios})
    drawn = charts(result)
    return {
        "result": result,
        "parity": result["parity"],
        "outcomes": outcomes(scenarios),
        "clients": [(client, _by_outcome(scenarios, client, seen)) for client in clients],
        "covers": sorted({word for one in scenarios for word in one["covers"]}),
        "coverage": by_answer(coverage["cells"]),
        "holes": by_place(coverage["holes"]),
        "excluded": coverage.get("excluded", []),  # runs of earlier versions have neither
        "elsewhere": sum(cell.get("elsewhere", False) for cell in coverage["cells"]),
        "trends": trends(result["history"]),
        "drawn": drawn,
        "charts": {
            "load": [one for one in drawn if one.id != "soak"],
            "soak": [one for one in drawn if one.id == "soak"],
        },
    }


def _by_outcome(scenarios: list[Mapping[str, Any]], client: str, seen: list[str]) -> list[int]:
    own = [one["outcome"] for one in scenarios if one["client"] == client]
    return [own.count(outcome) for outcome in seen]
