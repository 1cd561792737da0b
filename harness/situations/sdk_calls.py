"""What the SDK clients (openai-node, openai-python, anthropic-python) are asked to do, as their programs read it.

One JSON text: `{"client": {retries, timeout, headers, async}, "at_once": ..., "calls": [...]}`, a call being
`{"call": "chat.completions.create", "with": {...}, "leave_after": N, "results": {tool: result}}`. With `results` the
tools that an answer asks for have run, and the conversation goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import Reply
from harness.situations.situation import Answer, Situation
from harness.upstream.wire import Object

CREATE, STREAM = "chat.completions.create", "chat.completions.stream"


def call(path: str, given: Object, **more: object) -> Object:
    return {"call": path, "with": given, **more}


def runs(*calls: Object, at_once: bool = False, **client: object) -> tuple[tuple[str, ...], ...]:
    """One run of the client's program."""
    together = {"at_once": True} if at_once else {}
    return ((json.dumps({"client": client, **together, "calls": calls}, ensure_ascii=False),),)


@dataclass(frozen=True, slots=True)
class Asks:
    """Makes one client's situations. Each has a question of its own: its id and its title."""

    client: str
    create: str = CREATE
    failed: int = 1  # the exit code of the client's program for an exception

    def question(self, name: str, title: str) -> str:
        return f"{self.client} {name}: {title}?"

    def asked(self, name: str, title: str, given: Object, *parts: Object) -> Object:
        """`given`, with the question as the last message; `parts` are sent beside it."""
        question = self.question(name, title)
        content = [{"type": "text", "text": question}, *parts] if parts else question
        return {**given, "messages": [*given.get("messages", ()), {"role": "user", "content": content}]}

    def one(
        self,
        name: str,
        title: str,
        covers: str,
        given: Object,
        *replies: Reply,
        parts: Sequence[Object] = (),
        fails: bool = False,
        client: Object | None = None,
        **more: object,
    ) -> Situation:
        """One call with `given` and the question; `more`: leave_after, results, another `call` than `create`."""
        asked = {**call(self.create, self.asked(name, title, given, *parts)), **more}
        return self.of(name, title, covers, runs(asked, **(client or {})), *replies, fails=fails)

    def of(
        self,
        name: str,
        title: str,
        covers: str,
        does: tuple[tuple[str, ...], ...],
        *replies: Reply,
        fails: bool = False,
    ) -> Situation:
        answers = tuple(Answer(reply) for reply in replies)
        words = tuple(covers.split())
        return Situation(f"{self.client}/{name}", title, words, does, answers, exit_code=self.failed if fails else 0)
