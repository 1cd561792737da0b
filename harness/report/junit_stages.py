"""Sabotage, real clients, cookies, the baseline against itself -> a suite of JUnit test cases each.

What is wrong is a failure; what could not be measured is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Tree = Mapping[str, Any]
Case = tuple[str, str | None, str]  # name; "failure", "error" or None; what is told

_SABOTAGE = {"caught": None, "escaped": "failure"}  # else: it did not bite


def stages(whole: Tree) -> Iterator[tuple[str, list[Case]]]:
    """Name of the suite, and its cases: of what was measured. `whole`: see `harness.report.whole`."""
    for name, cases in (("sabotage", _sabotage), ("clients", _clients), ("cookies", _cookies), ("self", _itself)):
        if whole.get(name):
            yield name, [*cases(whole[name])]


def _sabotage(tree: Tree) -> Iterator[Case]:
    for one in tree["planted"]:
        outcome, where = one["outcome"], one["where"] or one["scenario"]
        yield one["name"], _SABOTAGE.get(outcome, "error"), f"{outcome}; meant for {one['meant_for']}: {where}"


def _clients(tree: Tree) -> Iterator[Case]:
    for one in tree["clients"]:
        if one["missing"]:
            yield one["client"], "error", one["missing"]
        else:
            told = f"{one['version']}: {one['situations']} situations"
            yield one["client"], "failure" if one["wrong"] else None, _lines(told, one["wrong"])


def _cookies(tree: Tree) -> Iterator[Case]:
    problems = tree["problems"]
    yield "challenges per origin", "failure" if problems else None, _lines(f"{len(tree['phases'])} phases", problems)


def _itself(tree: Tree) -> Iterator[Case]:
    found: dict[int, list[str]] = {number: [] for number in range(1, int(tree["runs"]) + 1)}
    for one in tree["details"]:
        found.setdefault(one["run"], []).append(f"{one['scenario']} is {one['outcome']}: {', '.join(one['paths'])}")
    for number, told in found.items():
        yield f"run {number}", "failure" if told else None, _lines(f"{tree['scenarios']} scenarios", told)


def _lines(first: str, more: Iterable[object]) -> str:
    return "\n".join([first, *map(str, more)])
