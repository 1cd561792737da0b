"""A judgement -> the one plain summary that every report is written from. `parity.json` is this, as it is.

verdict, exit_code, seed, seconds, targets[], scenarios[], totals keep their names and shapes from version to version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from harness.model import (
    Absent,
    Broken,
    Declaration,
    Difference,
    Footprint,
    Json,
    Judgement,
    Outcome,
    Scenario,
    Severity,
    Verdict,
)
from harness.report.coverage import coverage
from harness.report.redaction import Redaction

Summary: TypeAlias = dict[str, Any]  # JSON; the writers read it by the keys below

VERDICTS = {0: "the proxies agree", 1: "the proxies differ", 2: "no judgement is possible"}


def summary(judgement: Judgement, redaction: Redaction, elsewhere: Iterable[Scenario] = ()) -> Summary:
    """Everything that a report says, with no secret left in it. `elsewhere`: scenarios that other runs play, which are
    covered as well."""
    scenarios = {scenario.id: scenario for scenario in judgement.scenarios}
    plain: dict[str, Json] = {
        "verdict": _verdict(judgement),
        "exit_code": judgement.exit_code,
        "problem": judgement.problem,
        "cosmetic": judgement.cosmetic,
        "run": judgement.run,
        "seed": judgement.seed,
        "seconds": round(judgement.seconds, 1),
        "targets": [{"name": name, "role": str(role), "version": version} for role, name, version in judgement.targets],
        "scenarios": [_scenario(scenarios[verdict.scenario], verdict) for verdict in judgement.verdicts],
        "totals": _totals(judgement),
        "footprints": [_footprint(each) for each in judgement.footprints],
        "excesses": [{"sense": each.sense, "told": each.told} for each in judgement.excesses],
        "coverage": coverage(judgement.scenarios, elsewhere),
        "declarations": _declarations(judgement),
        "stale_declarations": [
            {"id": one.id, "where": one.where, "why": one.why, "problem": what} for what, one in judgement.stale
        ],
    }
    return {key: redaction.tree(value) for key, value in plain.items()}


def _verdict(judgement: Judgement) -> str:
    """Return the words for the exit code, and beside them what a reader must not miss: cosmetic differences."""
    words, count = VERDICTS[judgement.exit_code], _cosmetic(judgement)
    if not count or judgement.exit_code == 2:
        return words
    if judgement.exit_code == 1:
        return words if judgement.differs else f"{words}, in {counted(count, 'cosmetic difference')} alone"
    return f"{words}, but for {counted(count, 'cosmetic difference')}"


def _cosmetic(judgement: Judgement) -> int:
    undeclared = (difference for verdict in judgement.verdicts for difference in verdict.unexplained)
    return sum(difference.severity is Severity.COSMETIC for difference in undeclared)


def counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def undeclared_words(totals: Mapping[str, Any]) -> str:
    """Return how many differences are undeclared, and how many of those are cosmetic."""
    cosmetic = totals.get("cosmetic", 0)
    return f"{totals['undeclared']} undeclared{f' ({cosmetic} of them cosmetic)' if cosmetic else ''}"


def _footprint(footprint: Footprint) -> Json:
    mib = 1024 * 1024
    return {
        "role": str(footprint.role),
        "start_seconds": round(footprint.start, 1),
        "rss_before_mib": round(footprint.rss_before / mib, 1),
        "rss_after_mib": round(footprint.rss_after / mib, 1),
        "requests": footprint.requests,
        "leaks": list(footprint.leaks),
        "files_before": footprint.files_before,
        "files_after": footprint.files_after,
        "upstream_calls": footprint.calls,
        "upstream_connections": footprint.connections,
    }


def _scenario(scenario: Scenario, verdict: Verdict) -> Json:
    declared = [_difference(difference, declaration) for difference, declaration in verdict.allowed]
    undeclared = [_difference(difference, None) for difference in verdict.unexplained]
    return {
        "id": scenario.id,
        "client": scenario.client,
        "title": scenario.title,
        "source": scenario.source,
        "covers": list(scenario.covers),
        "outcome": str(verdict.outcome),
        "problem": verdict.problem,
        "replays": verdict.replays,
        "differences": [*undeclared, *declared],
        "noise": [_difference(difference, None) for difference in verdict.noise],
        "musts": [_must(broken) for broken in verdict.broken],
    }


def _difference(difference: Difference, declaration: Declaration | None) -> Json:
    """The side that has nothing is null; `kind` tells it from a null that was there."""
    return {
        "path": difference.path,
        "kind": str(difference.kind),
        "severity": str(difference.severity) if difference.severity else None,
        "baseline": _value(difference.baseline),
        "candidate": _value(difference.candidate),
        "declared_by": declaration.id if declaration else None,
    }


def _must(broken: Broken) -> Json:
    """A must that did not hold; `absent` says that nothing was found, as opposed to a null."""
    return {
        "role": str(broken.role),
        "path": broken.must.path,
        "check": broken.must.check,
        "value": broken.must.value,
        "found": _value(broken.found),
        "absent": broken.found is Absent.ABSENT,
    }


def _value(value: Json | Absent) -> Json:
    return None if isinstance(value, Absent) else value


def _declarations(judgement: Judgement) -> Json:
    """Those that explain something, with the number of scenarios in which they do; the most used first."""
    used: dict[str, tuple[Declaration, set[str]]] = {}
    for verdict in judgement.verdicts:
        for _, declaration in verdict.allowed:
            used.setdefault(declaration.id, (declaration, set()))[1].add(verdict.scenario)
    return [
        {
            "id": one.id,
            "where": one.where,
            "kinds": [str(kind) for kind in sorted(one.kinds)],
            "why": one.why,
            "since": one.since,
            "until": one.until,
            "better": one.better,
            "scenarios": len(names),
        }
        for one, names in sorted(used.values(), key=lambda each: -len(each[1]))
    ]


def _totals(judgement: Judgement) -> Json:
    return {
        "scenarios": len(judgement.verdicts),
        "exchanges_client": judgement.exchanges_client,
        "exchanges_upstream": judgement.exchanges_upstream,
        "declared": sum(len(verdict.allowed) for verdict in judgement.verdicts),
        "undeclared": sum(len(verdict.unexplained) for verdict in judgement.verdicts),
        "cosmetic": _cosmetic(judgement),
        "unused_declarations": len(judgement.unused),
    }


def outcomes(scenarios: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """How many scenarios have each outcome, from the best to the worst; those that have none are left out."""
    counts = Counter(scenario["outcome"] for scenario in scenarios)
    return [(str(outcome), counts[outcome]) for outcome in Outcome if counts[outcome]]
