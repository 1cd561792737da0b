"""Two faces side by side, as little as says it: lines that are equal once, long runs of them cut short. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from harness.model import Json
from harness.report.outline import outline

_MOST = 400  # lines that differ in one place


@dataclass(frozen=True, slots=True)
class Face:
    """One answer, or one call, of both targets.

    `runs`: (lines that are equal,), (of the baseline, of the candidate) where they differ, or (-lines that are left
    out,). `left` has the lines of the equal runs and the baseline's own; `right` the candidate's own.
    """

    name: str
    runs: tuple[tuple[int, ...], ...]
    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return any(len(run) == 2 for run in self.runs)


def faces(baseline: Json, candidate: Json, around: int, longest: int) -> list[Face]:
    """Of the two trees that were compared: client's answers by step, the upstream's calls in order, side effects.

    `around`: equal lines that are kept before and after others; `longest`: characters of a text.
    """
    left, right = _parts(baseline), _parts(candidate)
    names = [*left, *(name for name in right if name not in left)]
    return [_face(name, left.get(name), right.get(name), around, longest) for name in names]


def _parts(tree: Json) -> dict[str, Json]:
    if not isinstance(tree, dict):
        return {}
    client, upstream = tree.get("client"), tree.get("upstream")
    return {
        **({f"client, step {step}": seen for step, seen in client.items()} if isinstance(client, dict) else {}),
        **({f"upstream, call {n}": seen for n, seen in enumerate(upstream)} if isinstance(upstream, list) else {}),
        "side effects": tree.get("effects"),
    }


def _face(name: str, baseline: Json, candidate: Json, around: int, longest: int) -> Face:
    left = outline(baseline, longest, candidate)
    right = left if baseline == candidate else outline(candidate, longest, baseline)
    runs: list[tuple[int, ...]] = []
    kept: list[str] = []
    others: list[str] = []
    for tag, i, j, k, m in _opcodes(left, right):
        if tag == "equal":
            _keep_equal(left[i:j], around, runs, kept)
        else:
            _keep_apart(left[i:j], right[k:m], runs, kept, others)
    return Face(name, tuple(runs), tuple(kept), tuple(others))


def _keep_equal(lines: Sequence[str], around: int, runs: list[tuple[int, ...]], kept: list[str]) -> None:
    left_out = len(lines) - 2 * around
    if left_out < 2:
        runs.append((len(lines),))
        kept += lines
        return
    runs += [(around,), (-left_out,), (around,)]
    kept += [*lines[:around], *lines[-around:]]


def _keep_apart(
    left: Sequence[str], right: Sequence[str], runs: list[tuple[int, ...]], kept: list[str], others: list[str]
) -> None:
    runs.append((min(len(left), _MOST), min(len(right), _MOST)))
    kept += left[:_MOST]
    others += right[:_MOST]
    left_out = max(len(left), len(right)) - _MOST
    if left_out > 0:
        runs.append((-left_out,))


def _opcodes(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Of what is between the ends that are alike: the search is slow on long lists."""
    if left == right:
        yield "equal", 0, len(left), 0, len(right)
        return
    head = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    most = min(len(left), len(right)) - head
    tail = next((n for n in range(most) if left[-1 - n] != right[-1 - n]), most)
    if head:
        yield "equal", 0, head, 0, head
    matcher = SequenceMatcher(None, left[head : len(left) - tail], right[head : len(right) - tail], autojunk=False)
    for tag, *ends in matcher.get_opcodes():
        yield tag, *(end + head for end in ends)
    if tail:
        yield "equal", len(left) - tail, len(left), len(right) - tail, len(right)
