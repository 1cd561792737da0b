"""One scenario: both faces of both targets side by side, what differs marked, and the curl that sends each request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from harness.model import Difference, Json, Scenario
from harness.report.curl import curl
from harness.report.places import shown

_AROUND = 2  # equal lines that are shown before and after a difference

Row = tuple[str, str, str]  # the mark ("!" where they differ), the baseline's line, the candidate's


def explain(
    scenario: Scenario, baseline: Json, candidate: Json, found: Sequence[Difference], url: str, width: int = 160
) -> Iterator[str]:
    """Lines of text. The trees are those that were compared: what is volatile has its name in them."""
    yield f"{scenario.id}: {scenario.title}"
    for number, step in enumerate(scenario.steps):
        yield f"\nstep {number}"
        yield curl(step.request, url)
    for face in ("client", "upstream", "effects"):
        yield f"\n{face + ' ':-<{width // 2}}-- candidate {'':-<{width // 2 - 13}}"
        yield from (_line(row, width) for row in side_by_side(_face(baseline, face), _face(candidate, face)))
    yield f"\n{len(found)} differences" if found else "\nno difference"
    for difference in found:
        yield f"  {difference.kind} {difference.path}"


def side_by_side(baseline: Json, candidate: Json) -> Iterator[Row]:
    """The two as indented JSON; long runs of equal lines are cut short."""
    left, right = _pretty(baseline), _pretty(candidate)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for group in matcher.get_grouped_opcodes(_AROUND):
        yield "", f"... from line {group[0][1] + 1}", f"... from line {group[0][3] + 1}"
        for tag, i, j, k, m in group:
            mark = "" if tag == "equal" else "!"
            yield from ((mark, one, other) for one, other in zip_longest(left[i:j], right[k:m], fillvalue=""))


def _face(tree: Json, face: str) -> Json:
    return tree.get(face) if isinstance(tree, dict) else None


def _pretty(value: Any) -> list[str]:
    return json.dumps(value, indent=1, ensure_ascii=False).splitlines()


def _line(row: Row, width: int) -> str:
    mark, left, right = row
    column = (width - 5) // 2
    return f"{mark:1} {_fitted(left, column)} | {_fitted(right, column).rstrip()}".rstrip()


def _fitted(text: str, column: int) -> str:
    plain = text if text.isprintable() else shown(text)[1:-1]
    return plain.ljust(column) if len(plain) <= column else f"{plain[: column - 1]}…"
