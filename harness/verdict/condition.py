"""What a declaration may ask of the call that a difference is in: `when`.

Its paths go into a tree of that call (parts may be `*`, for any one):

/request/{method, path, leave_after}       what the client sent, and whether it left
/baseline/response/..., /candidate/response/...    what it got: as in the compared tree, below /client/<step>
/calls/<n>/{request, outcome}              what the candidate asked its upstream for
/replies/<n>/{status, body, text}          what the upstream said to these calls; JSON is a tree
/reply/{status, body, text}                the last of them
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from harness.model import Difference, Json, Kind, Reply, Role, Scenario, Send, Step

PARTS = ("request", "baseline", "candidate", "calls", "replies", "reply")
When = Sequence[tuple[str, str]]  # path -> a regular expression that is found there, or "=/path": it is there, too


def holds(when: When, scenario: Scenario, trees: Mapping[Role, Json], difference: Difference) -> bool:
    """Whether everything that `when` asks for is true of the step that the difference belongs to."""
    if not when:
        return True
    step = step_of(difference, trees)
    if step is None or step >= len(scenario.steps):
        return False
    call = _call(scenario.steps[step], step, trees)
    return all(_true(call, path, wanted) for path, wanted in when)


def step_of(difference: Difference, trees: Mapping[Role, Json]) -> int | None:
    """`/client/<step>`, the step of `/upstream/<n>`, `"step <n> call 0"` of the effects; None for none of them."""
    match difference.path.split("/")[1:]:
        case ["client", step, *_] if step.isdecimal():
            return int(step)
        case ["upstream", number, *inside]:
            numbered_by = Role.CANDIDATE if difference.kind is Kind.EXTRA and not inside else Role.BASELINE
            found = (step for step in _at(trees.get(numbered_by), ["upstream", number, "step"]))
            return next((step for step in found if isinstance(step, int)), None)
        case ["effects", "calls", step, *_] if step.isdecimal():
            return int(step)
        case ["effects", *_]:
            named = re.search(r"\bstep (\d+)\b", f"{difference.candidate} {difference.baseline}")
            return int(named.group(1)) if named else None
    return None


def _call(step: Step, number: int, trees: Mapping[Role, Json]) -> Json:
    calls = [each for each in _at(trees.get(Role.CANDIDATE), ["upstream", "*"]) if number in _at(each, ["step"])]
    replies = [_reply(reply) for reply in step.replies[: len(calls)]]
    request: Json = {"method": step.request.method, "path": step.request.path, "leave_after": step.leave_after}
    sides = {role.value: _client(trees.get(role), number) for role in (Role.BASELINE, Role.CANDIDATE)}
    last = replies[-1] if replies else None
    return {"request": request, "calls": calls, "replies": replies, "reply": last, **sides}


def _client(tree: Json, number: int) -> Json:
    return next(_at(tree, ["client", str(number)]), None)


def _reply(reply: Reply) -> Json:
    data = b"".join(act.data for act in reply.acts if isinstance(act, Send)) if reply.acts else reply.body
    text = data.decode("utf-8", "replace")
    return {"status": reply.status, "text": text, "body": _tree(text)}


def _tree(text: str) -> Json:
    try:
        tree: Json = json.loads(text)
    except ValueError:
        return text
    return tree


def _true(call: Json, path: str, wanted: str) -> bool:
    found = [*_at(call, path.split("/")[1:])]
    if wanted.startswith("=/"):
        there = [*_at(call, wanted[1:].split("/")[1:])]
        return bool(found) and all(each in there for each in found)
    return any(re.search(wanted, each if isinstance(each, str) else json.dumps(each)) for each in found)


def _at(tree: Json, parts: Sequence[str]) -> Iterator[Json]:
    """All that is at the path."""
    if not parts:
        yield tree
        return
    first, rest = parts[0], parts[1:]
    if isinstance(tree, dict):
        below = tree.values() if first == "*" else [tree[first]] if first in tree else []
    elif isinstance(tree, list):
        below = tree if first == "*" else [tree[int(first)]] if first.isdecimal() and int(first) < len(tree) else []
    else:
        below = []
    for each in below:
        yield from _at(each, rest)
