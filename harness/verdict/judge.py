"""What was found in one scenario -> its verdict: every difference is declared, or it is unexplained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.model import (
    Absent,
    Broken,
    Compared,
    Declaration,
    Difference,
    Json,
    Kind,
    Must,
    Outcome,
    Role,
    Scenario,
    Severity,
    Verdict,
)
from harness.verdict.condition import Calls
from harness.verdict.declared import explains
from harness.verdict.evidence import missing_evidence
from harness.verdict.senses import leaks
from harness.verdict.severity import severity_of

_HELD_TO = (Role.BASELINE, Role.CANDIDATE)


def judge(scenario: Scenario, compared: Compared, declared: Sequence[Declaration]) -> Verdict:
    calls = Calls(scenario, compared.trees)
    found = [replace(difference, severity=severity_of(difference)) for difference in compared.found]
    explained = [(difference, _first(declared, calls, difference)) for difference in found]
    allowed = tuple((difference, why) for difference, why in explained if why is not None)
    unexplained = tuple(difference for difference, why in explained if why is None)
    broken = broken_musts(scenario, compared)
    problem = compared.problem or missing_evidence(scenario, compared.trees.get(Role.BASELINE))
    return Verdict(
        scenario.id,
        Outcome.BROKEN if problem else _outcome(compared.noise, broken, allowed, unexplained),
        allowed,
        unexplained,
        compared.noise,
        broken,
        problem,
    )


def broken_musts(scenario: Scenario, compared: Compared) -> tuple[Broken, ...]:
    """The musts of all steps that do not hold, for each target that was observed."""
    musts = [must for step in scenario.steps for must in step.must]
    return tuple(
        Broken(role, must, found)
        for role in _HELD_TO
        if role in compared.trees
        for must in musts
        if not holds(must, found := value_at(compared.trees[role], must.path))
    )


def failed(broken: Iterable[Broken], role: Role) -> frozenset[tuple[str, str, str]]:
    """The musts that this target does not pass, as something to compare: path, check and value."""
    return frozenset((b.must.path, b.must.check, _json(b.must.value)) for b in broken if b.role is role)


def holds(must: Must, found: Json | Absent) -> bool:
    """`matches` is a regular expression that is found anywhere in a text, or in the JSON of anything else."""
    match must.check:
        case "absent":
            return found is Absent.ABSENT
        case "equals":
            return not isinstance(found, Absent) and _json(found) == _json(must.value)
        case "matches":
            text = found if isinstance(found, str) else _json(found) if not isinstance(found, Absent) else None
            return text is not None and re.search(str(must.value), text) is not None


def value_at(tree: Json, path: str) -> Json | Absent:
    """A JSON pointer (RFC 6901)."""
    value = tree
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return Absent.ABSENT
    return value


def _outcome(
    noise: Sequence[Difference],
    broken: Sequence[Broken],
    allowed: Sequence[tuple[Difference, Declaration]],
    unexplained: Sequence[Difference],
) -> Outcome:
    """A must that only the candidate breaks makes it worse than the baseline; one that only the baseline breaks needs a
    declaration that says `better`, or else the scenario is wrong; one that both break says that they are equally wrong.
    """
    baseline, candidate = failed(broken, Role.BASELINE), failed(broken, Role.CANDIDATE)
    better = any(why.better for _, why in allowed)
    if baseline & candidate or (baseline and not better):
        return Outcome.BROKEN
    if noise:
        return Outcome.NOISY
    if candidate or any(each.severity is not Severity.COSMETIC for each in unexplained):
        return Outcome.DIFFERENT
    if unexplained:
        return Outcome.COSMETIC
    return Outcome.ALLOWED if allowed else Outcome.SAME


def _first(declared: Sequence[Declaration], calls: Calls, difference: Difference) -> Declaration | None:
    """Nothing explains a secret that got out."""
    if leaks(difference) and not _says_it_again(difference, calls.trees.get(Role.CANDIDATE)):
        return None
    alike = (one for one in declared if explains(one, calls.scenario.id, difference))
    return next((one for one in alike if calls.hold(one.when, difference)), None)


def _says_it_again(difference: Difference, candidate: Json) -> bool:
    """Whether it is one whole call more, which says to the letter what another call of its step says, cookies apart.

    It takes the provider's keys to nobody who does not have them: a challenge is answered so.
    """
    found = re.fullmatch(r"/upstream/\d+", difference.path) if difference.kind is Kind.EXTRA else None
    call, calls = value_at(candidate, difference.path), value_at(candidate, "/upstream")
    if found is None or isinstance(call, Absent) or not isinstance(calls, list):
        return False
    cookies = Difference(difference.path, Absent.ABSENT, value_at(call, "/request/headers/cookie"))
    return not leaks(cookies) and [_without_cookies(each) for each in calls].count(_without_cookies(call)) > 1


def _without_cookies(call: Json) -> str:
    request, headers, step = (value_at(call, path) for path in ("/request", "/request/headers", "/step"))
    if not isinstance(request, dict) or not isinstance(headers, dict) or isinstance(step, Absent):
        return _json(call)
    kept = {name: value for name, value in headers.items() if name != "cookie"}
    return _json({"step": step, "request": {**request, "headers": kept}})


def _json(value: Json) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
