"""The whole -> parity.html: one page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.model import Outcome, Severity
from harness.report.charts import as_columns
from harness.report.facts import facts
from harness.report.figures import figure, short, when
from harness.report.packed import Details, packed, packed_details
from harness.report.redaction import Redaction
from harness.report.whole import tone_of

_HERE = Path(__file__).parent
_WORST_FIRST = (
    Outcome.DIFFERENT,
    Outcome.BROKEN,
    Outcome.NOISY,
    Outcome.COSMETIC,
    Outcome.ALLOWED,
    Outcome.SAME,
)
_ASSETS = ("uPlot-1.6.32.min.css", "page.css", "uPlot-1.6.32.iife.min.js", "page.js")


@dataclass(frozen=True, slots=True)
class Blobs:
    """What is packed into the page: the rows of the matrix with the charts, and what each scenario opens."""

    rows: str
    details: str


def page(result: Mapping[str, Any], details: Details, redaction: Redaction) -> str:
    """`details` gives what is shown of each scenario, by its id."""
    told = facts(redaction.tree(dict(result)))
    parity = told["parity"] or {"scenarios": []}
    first = {
        "rows": [_row(one) for one in worst_first(parity["scenarios"])],
        "charts": [as_columns(one) for one in told["drawn"]],
        "why": {one["id"]: one for one in parity.get("declarations", ())},
    }
    blobs = Blobs(packed(first), packed_details(details, redaction.tree))
    return _environment().get_template("page.html.jinja").render(blobs=blobs, **told)


def worst_first(scenarios: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What asks for a decision before what does not; else in their own order."""
    return sorted(scenarios, key=lambda one: _WORST_FIRST.index(one["outcome"]))


def _row(scenario: Mapping[str, Any]) -> list[Any]:
    """[id, client, outcome, title, covers, undeclared, declared, declarations, replays, cosmetic]"""
    undeclared = (one for one in scenario["differences"] if one["declared_by"] is None)
    by = [one["declared_by"] for one in scenario["differences"]]
    names = sorted({name for name in by if name})
    return [
        *(scenario[key] for key in ("id", "client", "outcome", "title", "covers")),
        by.count(None),
        len(by) - by.count(None),
        names,
        scenario["replays"],
        sum(one.get("severity") == Severity.COSMETIC for one in undeclared),
    ]


def _environment() -> Environment:
    """Autoescape for all; the page's own style and script go in as they are."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"tone": tone_of, "figure": figure, "when": when, "short": short}
    environment.globals |= {"assets": {name: _asset(name) for name in _ASSETS}}
    return environment


def _asset(name: str) -> Markup:
    return Markup((_HERE / "assets" / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file
