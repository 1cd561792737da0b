"""What was measured, wherever it is -> the page and the reports of the whole. Nothing is started."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from harness.comparison.canonical import canonical_pair
from harness.comparison.run import Reference
from harness.comparison.tree import tree
from harness.errors import BadInput, HarnessError
from harness.model import Observation, Role
from harness.observation import store
from harness.provenance import made, stale
from harness.report.collected import Measurement, history, newest
from harness.report.detail import Lines, Seen, Thrift, detail
from harness.report.files import written
from harness.report.junit import whole_junit
from harness.report.page import page, worst_first
from harness.report.redaction import Redaction
from harness.report.whole import whole
from harness.report.whole_markdown import whole_markdown
from harness.settings import Settings

PAGE = "parity.html"
_URL = "http://127.0.0.1:8765"

Seens = dict[str, dict[Role, tuple[int, Observation]]]


def report_beside(
    settings: Settings, tell: Callable[[str], None], redaction: Redaction | None = None
) -> tuple[Path, ...]:
    """After a measurement: a page that cannot be written is told, and changes nothing about what was measured."""
    try:
        return report(settings, redaction)
    except HarnessError as error:
        tell(f"no page: {error}")
        return ()


def report(settings: Settings, redaction: Redaction | None = None) -> tuple[Path, ...]:
    """parity.html, summary.md, summary.json and summary.xml (JUnit) in the latest run's folder: their paths.

    Each says all that was measured, whichever run did. Raises `HarnessError` if there was no run, or if what
    is stored has another shape than this version writes.
    """
    clean = redaction or Redaction()
    folder = settings.reports / "latest"
    if not folder.is_dir():
        raise BadInput("there is no run yet: nox -s parity makes the first", folder)
    found, unreadable = newest(settings.reports)
    now = made(settings.config)
    changed = {name: stale(one.made, now) for name, one in found.items()}
    past = history(settings.reports)
    result = clean.tree(whole(found, changed, dict(now), _library(settings.scenarios), past, unreadable))
    try:
        texts = _texts(result, found.get("parity"), clean)
        return tuple(written(folder / name, text) for name, text in texts.items())
    except (TemplateError, LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        raise HarnessError(f"{folder / PAGE}: cannot be made: {type(error).__name__}: {error}") from error


def compared(observations: Path, redaction: Redaction) -> Iterator[tuple[str, Seen]]:
    """The trees of each scenario as they were compared; none for those that could not be, or without a file."""
    if not observations.is_file():
        return
    run = _first_attempts(store.read(observations))
    only = {name: {role: one for role, (_, one) in seen.items()} for name, seen in run.items()}
    reference = Reference.of(only)
    for name, seen in only.items():
        if all(role in seen and seen[role].problem is None for role in Role):
            baseline, candidate = tree(seen[Role.BASELINE]), tree(seen[Role.CANDIDATE])
            pair = canonical_pair(baseline, candidate, reference.volatile.places(name, baseline))
            lines = {role: run[name][role][0] for role in (Role.BASELINE, Role.CANDIDATE)}
            yield name, Seen(redaction.tree(pair[0]), redaction.tree(pair[1]), seen, lines)


def _texts(result: Any, parity: Measurement | None, redaction: Redaction) -> dict[str, str]:
    seen = dict(compared(parity.folder / "observations.ndjson", redaction)) if parity else {}
    judged = worst_first(parity.tree["scenarios"]) if parity else []

    def details(lines: Lines, thrift: Thrift) -> dict[str, Any]:
        return {one["id"]: detail(one, seen.get(one["id"]), lines, thrift, _URL) for one in judged}

    return {
        PAGE: page(result, details, redaction),
        "summary.md": whole_markdown(result),
        "summary.json": json.dumps(result, indent=1) + "\n",
        "summary.xml": whole_junit(result),
    }


def _library(folder: Path) -> int:
    """How many scenarios there are: reading them takes seconds."""
    return sum(1 for _ in folder.glob("*/*.yaml"))


def _first_attempts(observations: Iterator[Observation]) -> Seens:
    run: Seens = {}
    for number, one in enumerate(observations, start=1):
        if one.attempt == 0:
            run.setdefault(one.scenario, {})[one.role] = number, one
    return run
