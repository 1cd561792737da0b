"""How soon a gateway cancels its call of the upstream once its client has left: what is asked, answered and told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median
from typing import Any, Literal

from harness.model import Reply, Request, Scenario, Step, Wait

Window = Literal["before the headers", "before the first event", "in mid-stream"]
WINDOWS: tuple[Window, ...] = ("before the headers", "before the first event", "in mid-stream")
MOST_MS = 100.0  # from the client's leaving to the end of the upstream's call
_FOREVER = Wait(60.0)  # longer than anybody waits here
_PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
_MODELS = {"openai": "gpt-5", "anthropic": "claude-sonnet-5", "gemini": "gemini-2.5-pro"}
_UPSTREAM_PATHS = {"anthropic": "/messages", "gemini": "/models/gemini-2.5-pro:streamGenerateContent?alt=sse"}


@dataclass(frozen=True, slots=True)
class Case:
    route: str
    provider: str
    window: Window

    def scenario(self, key: str, number: int, reply: Reply) -> Scenario:
        """A streamed request, and an upstream that falls silent in the window; `reply` is what it says otherwise."""
        name = f"leaving/{self.route}-{self.provider}-{number}"
        step = Step(self._request(key, f"{name}, {self.window}"), (silent(reply, self.window),))
        return Scenario(name, "leaving", name, "scripted", (), (step,))

    def _request(self, key: str, words: str) -> Request:
        body: dict[str, Any] = {"model": _MODELS[self.provider], "stream": True}
        if self.route == "responses":
            body |= {"input": words}
        else:
            body |= {"max_tokens": 64, "messages": [{"role": "user", "content": words}]}
        headers = (("Content-Type", "application/json"), ("Authorization", f"Bearer {key}"))
        return Request("POST", _PATHS[self.route], headers, json.dumps(body).encode())

    def upstream_request(self) -> Request:
        """What the provider is asked, as far as its answer depends on it."""
        own = "/chat/completions" if self.route == "chat" else "/responses"
        return Request("POST", _UPSTREAM_PATHS.get(self.provider, own), (), b'{"stream": true}')


def cases() -> list[Case]:
    return [Case(*each) for each in product(_PATHS, _MODELS, WINDOWS)]


def silent(reply: Reply, window: Window) -> Reply:
    acts = reply.acts or ()
    match window:
        case "before the headers":
            return replace(reply, before=(_FOREVER,))
        case "before the first event":
            return replace(reply, acts=(_FOREVER, *acts))
        case "in mid-stream":
            return replace(reply, acts=(*acts[:-2], _FOREVER, *acts[-2:]))


def measured(case: Case, times: Sequence[float | None]) -> dict[str, Any]:
    """Times in milliseconds; None: the call was not cancelled while the trial waited."""
    known = [each for each in times if each is not None]
    return {
        "route": case.route,
        "provider": case.provider,
        "window": case.window,
        "median_ms": round(median(known), 1) if known else None,
        "most_ms": round(max(known), 1) if len(known) == len(times) else None,
        "not_cancelled": len(times) - len(known),
    }


def late(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those that are over MOST_MS, or were never cancelled."""
    return (row for row in rows if row["most_ms"] is None or row["most_ms"] > MOST_MS)
