"""A scenario -> the tree of its file: bodies as trees where that gives the same bytes back, else texts, else base64."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from harness.model import (
    Act,
    Cut,
    Headers,
    Json,
    Must,
    Reply,
    Request,
    Scenario,
    Send,
    Step,
    Wait,
    WaitForClient,
    header,
)
from harness.traffic.scenario_schema import FORMAT, JSON_TYPE, STREAM_TYPE, compact, encode_event

_DEEPEST = 40  # levels of a JSON body that are still worth showing as a tree
_EVENT = re.compile(r"(?:event: ([^\r\n]*)\n)?((?:data: [^\r\n]*\n)+)\n")
_COMMENT = re.compile(r": ([^\r\n]*)\n\n")

Tree = dict[str, Any]


def tree_of(scenario: Scenario) -> Tree:
    return {
        "format": FORMAT,
        "title": scenario.title,
        "source": scenario.source,
        "covers": list(scenario.covers),
        **({"without_calls": scenario.without_calls} if scenario.without_calls else {}),
        "steps": [_step(step) for step in scenario.steps],
    }


def _step(step: Step) -> Tree:
    return {
        **({"together": True} if step.together else {}),
        **({} if step.leave_after is None else {"leave_after": step.leave_after}),
        "request": _request(step.request),
        **({"upstream": [_reply(reply) for reply in step.replies]} if step.replies else {}),
        **({"must": [_must(must) for must in step.must]} if step.must else {}),
    }


def _request(request: Request) -> Tree:
    headers = {"headers": _headers(request.headers)} if request.headers else {}
    return {"method": request.method, "path": request.path, **headers, **_body(request.body)}


def _reply(reply: Reply) -> Tree:
    if reply.before and reply == Reply(before=reply.before):
        return {"before": [_act(act) for act in reply.before]}
    body = _body(reply.body) if reply.acts is None else {"events": [_act(act) for act in reply.acts]}
    default = STREAM_TYPE if reply.acts is not None else JSON_TYPE if "json" in body else None
    before = {"before": [_act(act) for act in reply.before]} if reply.before else {}
    return {**before, "status": reply.status, **_reply_headers(reply.headers, default), **body}


def _reply_headers(headers: Headers, default: str | None) -> Tree:
    """Without the content-type that the body implies, with a null for one that is not sent all the same."""
    if (
        default is not None
        and headers[:1] == (("content-type", default),)
        and header(headers[1:], "content-type") is None
    ):
        headers = headers[1:]
    elif default is not None and header(headers, "content-type") is None:
        return (
            {"headers": {"content-type": None, **dict(_grouped(headers))}} if _mappable(headers) else _listed(headers)
        )
    return {"headers": _headers(headers)} if headers else {}


def _listed(headers: Headers) -> Tree:
    return {"headers": [{"content-type": None}, *({name: value} for name, value in headers)]}


def _headers(headers: Headers) -> Json:
    return dict(_grouped(headers)) if _mappable(headers) else [{name: value} for name, value in headers]


def _mappable(headers: Headers) -> bool:
    """Whether equal names stand beside each other."""
    names = [name for name, _ in headers]
    return len(set(names)) == len(names) - sum(one == other for one, other in pairwise(names))


def _grouped(headers: Headers) -> Iterable[tuple[str, Any]]:
    for name in dict.fromkeys(name for name, _ in headers):
        values = [value for other, value in headers if other == name]
        yield name, values if len(values) > 1 else values[0]


def _body(body: bytes) -> Tree:
    if not body:
        return {}
    text = _text(body)
    if text is None:
        return {"base64": base64.b64encode(body).decode()}
    tree = _json(text)
    return {"json": tree} if tree is not None else {"text": text}


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _json(text: str) -> Json:
    """The tree, or None where it would not give the same bytes back."""
    try:
        tree = json.loads(text)
        same = compact(tree) == text.encode() and _levels(tree) <= _DEEPEST
    except (ValueError, RecursionError):
        return None
    return tree if same else None


def _levels(tree: Json) -> int:
    parts: Iterable[Json] = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return 1 + max((_levels(part) for part in parts), default=0)


def _act(act: Act) -> Tree:
    match act:
        case Wait(seconds):
            return {"wait": seconds}
        case WaitForClient(events):
            return {"wait_for_client": events}
        case Cut(how):
            return {"cut": how}
        case Send(data):
            return _chunk(data)


def _chunk(data: bytes) -> Tree:
    text = _text(data)
    if text is None:
        return {"base64": base64.b64encode(data).decode()}
    if comment := _COMMENT.fullmatch(text):
        return {"comment": comment[1]}
    if event := _EVENT.fullmatch(text):
        tree = {**({} if event[1] is None else {"event": event[1]}), "data": _data(event[2])}
        return tree if encode_event(event[1], tree["data"]) == data else {"raw": text}
    return {"raw": text}


def _data(lines: str) -> Json:
    text = "\n".join(line.removeprefix("data: ") for line in lines.removesuffix("\n").split("\n"))
    tree = _json(text)
    return tree if isinstance(tree, dict | list) else text


def _must(must: Must) -> Tree:
    return {"path": must.path, must.check: True if must.check == "absent" else must.value}
