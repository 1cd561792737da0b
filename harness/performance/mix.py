"""The recorded traffic as load: who sends what after what, and what at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import BadInput
from harness.model import Cut, Reply, Request, Scenario, Send, Step

KEY, HOST = "<key>", "<host>"  # where a scenario has the gateway's key, and its address
CLIENTS = ("claude-code", "pycharm")  # whose recordings the load is made of
COUNT_TOKENS = "/v1/messages/count_tokens"


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the mix. `name` is its row in the statistics: its route, streamed or whole."""

    name: str
    method: str
    path: str
    head: bytes  # the request line and the header section, without key and host
    body: bytes
    streams: bool

    def wire(self, key: str, host: str, prefix: str = "") -> bytes:
        """Return the bytes of the request; `prefix` is the path that the gateway serves below."""
        head = self.head.replace(b" ", f" {prefix.rstrip('/')}".encode(), 1)
        return head.replace(KEY.encode(), key.encode()).replace(HOST.encode(), host.encode()) + self.body


@dataclass(frozen=True, slots=True)
class Mix:
    """`turns`: conversations of Claude Code, call by call. `fan_out`: what PyCharm sends several of at once. `counts`:
    count_tokens calls. None of them is empty."""

    turns: tuple[tuple[Call, ...], ...]
    fan_out: tuple[Call, ...]
    counts: tuple[Call, ...]


def mix_of(scenarios: Iterable[Scenario]) -> Mix:
    """From the recorded scenarios in which nothing fails. Raises `BadInput` where a part of the mix is not recorded."""
    well = [each for each in scenarios if each.recorded and all(map(_goes_well, each.steps))]
    turns = tuple(_calls(each.steps) for each in well if each.client == CLIENTS[0])
    fan_out = tuple(call for each in well if each.client == CLIENTS[1] for call in _calls(each.steps))
    if not turns or not fan_out:
        raise BadInput("no recorded scenario of claude-code, or none of pycharm, in which nothing fails: record them")
    return Mix(turns, fan_out, tuple(_counted(turn[0]) for turn in turns if _is_claude(turn[0])))


def mix_text(mix: Mix) -> str:
    """As JSON, for a load generator that has no time to read all scenarios."""
    turns = [[_call_tree(call) for call in turn] for turn in mix.turns]
    return json.dumps([turns, *([_call_tree(call) for call in calls] for calls in (mix.fan_out, mix.counts))])


def mix_from(text: str) -> Mix:
    """The inverse of `mix_text`. Raises KeyError, TypeError or ValueError for anything else."""
    turns, fan_out, counts = json.loads(text)
    return Mix(
        tuple(tuple(map(_call_from, turn)) for turn in turns), *(tuple(map(_call_from, c)) for c in (fan_out, counts))
    )


def _call_tree(call: Call) -> list[str | bool]:
    head, body = call.head.decode("latin-1"), call.body.decode("latin-1")
    return [call.name, call.method, call.path, head, body, call.streams]


def _call_from(tree: Sequence[Any]) -> Call:
    name, method, path, head, body, streams = tree
    return Call(name, method, path, head.encode("latin-1"), body.encode("latin-1"), streams is True)


def _is_claude(call: Call) -> bool:
    """Others' tokens cannot always be counted: LiteLLM needs Google's own SDK for Gemini's."""
    return str(json.loads(call.body).get("model", "")).startswith("claude")


def _goes_well(step: Step) -> bool:
    replied = bool(step.replies) and all(map(_is_well, step.replies))
    return replied and step.leave_after is None and step.request.method == "POST"


def _is_well(reply: Reply) -> bool:
    acts = reply.acts or ()
    failing = any(isinstance(act, Cut) or (isinstance(act, Send) and _is_error(act.data)) for act in acts)
    return reply.status == 200 and not reply.before and not failing


def _is_error(data: bytes) -> bool:
    return data.startswith(b"event: error") or b'"error":{' in data


def _calls(steps: Sequence[Step]) -> tuple[Call, ...]:
    return tuple(call_of(step.request) for step in steps)


def call_of(request: Request) -> Call:
    streams = _streams(request.body)
    route = request.path.partition("?")[0].removeprefix("/v1")
    name = f"{route} {'streamed' if streams else 'whole'}"
    headers = [(n, v) for n, v in request.headers if n.lower() not in ("content-length", "connection", "host")]
    lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {HOST}", *(f"{n}: {v}" for n, v in headers)]
    head = "\r\n".join([*lines, f"Content-Length: {len(request.body)}", "", ""]).encode("latin-1")
    return Call(name, request.method, request.path, head, request.body, streams)


def _counted(call: Call) -> Call:
    """What Claude Code asks before such a turn: how many tokens it would be."""
    body = {name: value for name, value in json.loads(call.body).items() if name in ("model", "messages", "tools")}
    sent = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = tuple(_header(line) for line in call.head.decode("latin-1").split("\r\n")[2:] if line)
    kept = tuple((name, value) for name, value in headers if name.lower() != "content-length")
    return replace(call_of(Request("POST", COUNT_TOKENS, kept, sent)), streams=False)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


def _streams(body: bytes) -> bool:
    try:
        tree = json.loads(body)
    except ValueError:
        return False
    return isinstance(tree, dict) and tree.get("stream") is True
