"""What a declaration may ask of the call that a difference is in: `when`.

Its paths go into a tree of that call (parts may be `*`, for any one):

/request/{method, path, headers, leave_after}      what the client sent, and whether it left
/baseline/response/..., /candidate/response/...    what it got: as in the compared tree, below /client/<step>
/baseline/said, /candidate/said                    all the words of the stream that it got, in one text
/calls/<n>/{request, outcome}                      what the candidate asked its upstream for
/replies/<n>/{status, headers, body, text}         what the upstream said to these calls; JSON is a tree
/reply/{status, headers, body, text}               the last of them
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from harness.model import Difference, Headers, Json, Kind, Reply, Role, Scenario, Send, Step

PARTS = ("request", "baseline", "candidate", "calls", "replies", "reply")
_DELTAS = (
    ("delta",),
    ("delta", "text"),
    ("delta", "thinking"),
    ("delta", "partial_json"),
    ("choices", "*", "text"),
    ("choices", "*", "delta", "content"),
    ("choices", "*", "delta", "reasoning_content"),
    ("choices", "*", "delta", "tool_calls", "*", "function", "arguments"),
)
When = tuple[tuple[str, str], ...]  # path -> a regular expression that is found there, or "=/path": it is there, too


@dataclass(slots=True)
class Calls:
    """Of one scenario, as they were seen: a part of one is put together once, however many declarations ask for it."""

    scenario: Scenario
    trees: Mapping[Role, Json]
    _made: dict[tuple[int, str], Json] = field(default_factory=dict)

    def hold(self, when: When, difference: Difference) -> bool:
        """Whether everything that `when` asks for is true of a step that the difference belongs to."""
        if not when:
            return True
        steps = (step for step in steps_of(difference, self.trees) if step < len(self.scenario.steps))
        calls = ({part: self._once(step, part) for part in _parts(when)} for step in steps)
        return any(all(_true(call, path, wanted) for path, wanted in when) for call in calls)

    def _once(self, step: int, part: str) -> Json:
        if (step, part) not in self._made:
            self._made[step, part] = _part(self.scenario.steps[step], step, self.trees, part)
        return self._made[step, part]


@lru_cache(maxsize=1024)
def _parts(when: When) -> frozenset[str]:
    paths = [path for path, _ in when] + [wanted[1:] for _, wanted in when if wanted.startswith("=/")]
    return frozenset(path.split("/")[1] for path in paths)


def steps_of(difference: Difference, trees: Mapping[Role, Json]) -> tuple[int, ...]:
    """`/client/<step>`, the step of `/upstream/<n>`, `"step <n> call 0"` of the effects, both of two steps that
    disagree ("steps 0 and 2: input 8 and 0"); none for none of them."""
    match difference.path.split("/")[1:]:
        case ["client", step, *_] if step.isdecimal():
            return (int(step),)
        case ["upstream", number, *inside]:
            numbered_by = Role.CANDIDATE if difference.kind is Kind.EXTRA and not inside else Role.BASELINE
            found = (step for step in _at(trees.get(numbered_by), ["upstream", number, "step"]))
            return tuple(step for step in found if isinstance(step, int))
        case ["effects", "calls", step, *_] if step.isdecimal():
            return (int(step),)
        case ["effects", *_]:
            named = re.search(r"\bsteps? (?:(\d+) and )?(\d+)\b", f"{difference.candidate} {difference.baseline}")
            return tuple(int(step) for step in named.groups() if step) if named else ()
    return ()


def _part(step: Step, number: int, trees: Mapping[Role, Json], part: str) -> Json:
    match part:
        case "request":
            return _request(step)
        case "baseline" | "candidate":
            return _client(trees.get(Role(part)), number)
    calls = [each for each in _at(trees.get(Role.CANDIDATE), ["upstream", "*"]) if number in _at(each, ["step"])]
    if part == "calls":
        return calls
    replies: list[Json] = [_reply(reply) for reply in step.replies[: len(calls)]]
    return replies if part == "replies" else replies[-1] if replies else None


def _request(step: Step) -> Json:
    asked = step.request
    headers = _headers(asked.headers)
    return {"method": asked.method, "path": asked.path, "headers": headers, "leave_after": step.leave_after}


def _client(tree: Json, number: int) -> Json:
    return next(_at(tree, ["client", str(number)]), None)


def said(seen: Json) -> str:
    """The deltas of a stream, as each protocol has them: texts, thoughts, arguments."""
    texts = (text for path in _DELTAS for text in _at(seen, ["response", "stream", "events", "*", "data", *path]))
    return "".join(text for text in texts if isinstance(text, str))


def _reply(reply: Reply) -> Json:
    data = b"".join(act.data for act in reply.acts if isinstance(act, Send)) if reply.acts else reply.body
    text = data.decode("utf-8", "replace")
    return {"status": reply.status, "headers": _headers(reply.headers), "text": text, "body": _tree(text)}


def _headers(headers: Headers) -> Json:
    return {name.lower(): value for name, value in headers}


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
    """All that is at the path; `said`, of what a client saw, is put together for it."""
    if not parts:
        yield tree
        return
    first, rest = parts[0], parts[1:]
    below: list[Json]
    if first == "said" and not rest:
        below = [said(tree)]
    elif isinstance(tree, dict):
        below = [*tree.values()] if first == "*" else [tree[first]] if first in tree else []
    elif isinstance(tree, list):
        below = tree if first == "*" else [tree[int(first)]] if first.isdecimal() and int(first) < len(tree) else []
    else:
        below = []
    for each in below:
        yield from _at(each, rest)
