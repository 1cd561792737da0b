"""Cookies, clients, parity, what must not be touched -> their lines of the gate. Pure: reports go in, as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.gate.line import CLIENTS, CLOUDFLARE, COOKIES, PARITY, UNTOUCHED, Judged, Line

Tree = Mapping[str, Any]
_NAMED = 3


# --- cookies.json -----------------------------------------------------------------------------------------------------


def cookie_lines(tree: Tree, most_503: int, evidence: str) -> list[Line]:
    return [_cloudflare(tree, most_503, evidence), _cookies(tree, evidence)]


def _cloudflare(tree: Tree, most: int, evidence: str) -> Line:
    phases, challenges = tree["phases"], _challenges(tree)
    seen = sum(int(phase["outcomes"].get("503", 0)) for phase in phases)
    sent = sum(int(phase["requests"]) for phase in phases)
    verdict = Judged.PASSED if seen <= most else Judged.FAILED
    why = ""
    if not challenges:
        verdict, why = Judged.INCONCLUSIVE, "no origin has challenged"
    told = f"503s that clients saw, of {sent} calls, while {challenges} challenges met the target at the upstream"
    return Line(CLOUDFLARE, seen, "", verdict, told, evidence, why=why, beside={"calls": sent})


def _challenges(tree: Tree) -> int:
    return sum(sum(phase["challenges"].values()) for phase in tree["phases"])


def _cookies(tree: Tree, evidence: str) -> Line:
    problems = [str(problem) for problem in tree["problems"]]
    first, *later = [phase["challenges"] for phase in tree["phases"]]
    told = "challenges per origin, counted at the upstream, before and after a restart: once each, then never"
    beside = {"before": dict(first), "after_restart": dict(later[0]) if later else None, "problems": problems}
    verdict, value = (Judged.FAILED, "does not work") if problems else (Judged.PASSED, "works")
    if not later:
        verdict, problems = Judged.INCONCLUSIVE, ["no restart was measured"]
    return Line(COOKIES, value, "", verdict, told, evidence, why=_some(problems), beside=beside)


# --- parity.json, sabotage.json ---------------------------------------------------------------------------------------


def parity_line(parity: Tree, sabotage: Tree, library: int, least: float, evidence: str) -> Line:
    """`library`: how many scenarios there are; `least`: the target in percent."""
    scenarios, planted = parity["scenarios"], sabotage["totals"]["planted"]
    good = ("same", "allowed", *(("cosmetic",) if parity.get("cosmetic") == "agree" else ()))
    caught, equal = sabotage["totals"]["caught"], [one for one in scenarios if one["outcome"] in good]
    value = 100 * len(equal) / library if library else 0.0
    wrong = [f"{one['id']} is {one['outcome']}" for one in scenarios if one not in equal]
    escaped = [f"{one['name']}: {one['outcome']}" for one in sabotage["planted"] if one["outcome"] != "caught"]
    verdict, why = _parity_judged(parity, [one["outcome"] for one in sabotage["planted"]], value >= least)
    if len(scenarios) < library:
        verdict, why = Judged.INCONCLUSIVE, [f"{len(scenarios)} of {library} scenarios were replayed"]
    elif planted == 0:
        verdict, why = Judged.INCONCLUSIVE, ["no sabotage was planted"]
    coverage = parity["coverage"]
    beside = {
        "scenarios": len(scenarios),
        "undeclared_differences": parity["totals"]["undeclared"],
        "sabotage_caught": f"{caught} of {planted}",
        "coverage_cells": len(coverage["cells"]),
        "coverage_holes": len(coverage["holes"]),
        "stale_declarations": len(parity["stale_declarations"]),
    }
    told = f"{library} scenarios without undeclared difference; {caught} of {planted} sabotages caught; whole library"
    problems = _some([*why, *wrong, *escaped])
    return Line(PARITY, round(value, 2), "%", verdict, told, evidence, why=problems, beside=beside)


def _parity_judged(parity: Tree, sabotages: Sequence[str], enough: bool) -> tuple[Judged, list[str]]:
    code, verdict = parity["exit_code"], str(parity["verdict"])
    if code == 1 or "escaped" in sabotages:
        return Judged.FAILED, [verdict] if code == 1 else []
    if code != 0 or "did not bite" in sabotages:
        return Judged.INCONCLUSIVE, [verdict] if code else []
    return (Judged.PASSED if enough else Judged.FAILED), []


# --- clients.json -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Driven:
    """One real client: how many situations it went through as it should, and what went otherwise. `missing`: why there
    is no such client on this machine."""

    client: str
    version: str
    situations: int
    wrong: tuple[str, ...]
    missing: str = ""


def client_line(driven: Sequence[Driven], asked: Sequence[str], least: float, evidence: str) -> Line:
    """`asked`: the clients that there have to be."""
    there = [each for each in driven if not each.missing]
    situations, wrong = sum(each.situations for each in there), [said for each in there for said in each.wrong]
    value = round(100 * (situations - len(wrong)) / situations, 2) if situations else None
    unseen = [f"{each.client}: {each.missing}" for each in driven if each.missing]
    unseen += [f"{name} was not driven" for name in asked if name not in {each.client for each in driven}]
    verdict = Judged.FAILED if value is not None and value < least else Judged.PASSED
    if verdict is Judged.PASSED and (unseen or not situations):
        verdict = Judged.INCONCLUSIVE
    told = f"{situations} situations of {len(there)} real clients driven through the target"
    beside = {
        each.client: {"version": each.version, "situations": each.situations, **_problems(each)} for each in driven
    }
    return Line(CLIENTS, value, "%", verdict, told, evidence, why=_some([*wrong, *unseen]), beside=beside)


def _problems(each: Driven) -> dict[str, Any]:
    return {"wrong": list(each.wrong), **({"missing": each.missing} if each.missing else {})}


# --- the manifest -----------------------------------------------------------------------------------------------------


def untouched_line(changed: Sequence[str], manifest: str) -> Line:
    verdict, value = (Judged.FAILED, "no") if changed else (Judged.PASSED, "yes")
    told = f"SHA-256 of each file that {manifest} names"
    return Line(UNTOUCHED, value, "", verdict, told, manifest, why=_some(changed))


def _some(told: Sequence[str]) -> str:
    more = f"; and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return "; ".join(told[:_NAMED]) + more
