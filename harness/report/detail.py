"""One scenario as the page shows it on demand: both faces, the timelines, the differences, and the curl. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from harness.model import Json, Observation, Role
from harness.report.beside import Face, faces
from harness.report.curl import curl
from harness.report.outline import apart, cut, outline
from harness.report.timeline import lanes

_LONGEST_BODY = 4_000  # characters of a request's body in a curl; a longer one comes through a pipe


@dataclass(frozen=True, slots=True)
class Thrift:
    """How much of a scenario is kept. `around`: equal lines beside others; `text`: characters; `ticks`: events."""

    around: int
    text: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The trees that were compared, with names for what is volatile, and what they were made from.

    `lines`: where the whole is in observations.ndjson, from 1.
    """

    baseline: Json
    candidate: Json
    observations: Mapping[Role, Observation]
    lines: Mapping[Role, int]


class Lines:
    """Each line once: scenarios repeat each other's. A face has their numbers."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def numbers(self, lines: Sequence[str]) -> list[int]:
        return [self._numbers.setdefault(line, len(self._numbers)) for line in lines]

    @property
    def all(self) -> list[str]:
        return [*self._numbers]


def detail(judged: Mapping[str, Any], seen: Seen | None, lines: Lines, thrift: Thrift, url: str) -> dict[str, Any]:
    """`judged` is the scenario's entry of the summary. Without `seen` it could not be compared."""
    told = {
        "source": judged["source"],
        "problem": judged["problem"],
        "differences": [_difference(one, thrift.text) for one in judged["differences"]],
        "noise": [_difference(one, thrift.text) for one in judged["noise"]],
        "musts": [_must(one, thrift.text) for one in judged["musts"]],
    }
    if seen is None:
        return {**told, "curls": [], "faces": [], "lanes": {}, "lines": {}}
    return {
        **told,
        "curls": [*_curls(judged["id"], seen, url)],
        "faces": [_face(each, lines) for each in faces(seen.baseline, seen.candidate, thrift.around, thrift.text)],
        "lanes": {role.value: _lanes(seen, role, thrift.ticks) for role in (Role.BASELINE, Role.CANDIDATE)},
        "lines": {role.value: number for role, number in seen.lines.items()},
    }


def _face(face: Face, lines: Lines) -> list[Any]:
    return [face.name, face.runs, lines.numbers(face.left), lines.numbers(face.right)]


def _lanes(seen: Seen, role: Role, ticks: int) -> list[tuple[Any, ...]]:
    return [astuple(lane) for lane in lanes(seen.observations[role], ticks)]


def _difference(one: Mapping[str, Any], longest: int) -> list[Any]:
    """[path, kind, declared by, baseline, candidate, severity]; a side that has nothing is null."""
    nothing = {"missing": "candidate", "extra": "baseline"}.get(one["kind"])
    told: Sequence[str] = [_value(one[side], longest) for side in ("baseline", "candidate")]
    if isinstance(one["baseline"], str) and isinstance(one["candidate"], str):
        told = apart(one["baseline"], one["candidate"], longest)
    sides = [None if side == nothing else text for side, text in zip(("baseline", "candidate"), told, strict=True)]
    return [one["path"], one["kind"], one["declared_by"], *sides, one.get("severity")]


def _must(one: Mapping[str, Any], longest: int) -> list[str]:
    found = "nothing" if one["absent"] else _value(one["found"], longest)
    return [one["role"], one["path"], one["check"], _value(one["value"], longest), found]


def _value(value: Json, longest: int) -> str:
    if isinstance(value, str):
        return cut(value, longest)
    lines = outline(value, longest)
    return "\n".join(lines[:40]) + (f"\n… {len(lines) - 40} more lines" if len(lines) > 40 else "")


def _curls(name: str, seen: Seen, url: str) -> Iterator[str]:
    """One for each step."""
    requests = {one.step: one.request for one in seen.observations[Role.CANDIDATE].client}
    for step, request in sorted(requests.items()):
        if len(request.body) <= _LONGEST_BODY:
            yield curl(request, url)
        else:
            piped = curl(replace(request, body=b""), url)
            yield f"python -m harness body {name} --step {step} | {piped} \\\n  --data-binary @-"
