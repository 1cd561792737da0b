"""One thing that a real client is put through, and what its provider says meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.model import Cut, Reply, Send


@dataclass(frozen=True, slots=True)
class Answer:
    reply: Reply
    to: str = ""  # a text that the call's body has


@dataclass(frozen=True, slots=True)
class Situation:
    id: str  # of the scenario that it becomes
    title: str
    covers: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]  # the client's arguments, run by run
    answers: tuple[Answer, ...]
    files: tuple[tuple[str, str], ...] = ()  # name and content, in the folder that the client works in
    exit_code: int = 0


def broken(whole: Reply, events: int, *end: Send | Cut) -> Reply:
    """The stream up to that many events, and then its end."""
    return replace(whole, acts=((whole.acts or ())[:events] + end))


def answers(*replies: Reply) -> tuple[Answer, ...]:
    return tuple(Answer(reply) for reply in replies)
