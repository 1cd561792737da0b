"""Scenario x running target -> Observation: the client's side of every step, and what its upstream saw meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from harness.model import Chunk, Exchange, Failure, Headers, Observation, Request, Response, Role, Scenario, Step
from harness.replay.client import send
from harness.replay.target import RunningTarget
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from harness.upstream.play import Play

KEY = "<key>"  # where a scenario's request has the gateway's key
HOST = "<host>"


@dataclass(frozen=True, slots=True)
class Site:
    """Where scenarios are played: a running target, the upstream of its own, and the key that it accepts."""

    target: RunningTarget
    upstream: SimulatedUpstream
    key: str
    role: Role
    hidden: Mapping[str, str] = field(default_factory=dict)  # secret -> what is stored in its place
    step_patience: float = 60.0  # seconds for a step
    settle_patience: float = 10.0  # seconds for the upstream calls that are still open after the last step
    rested: dict[str, float] = field(default_factory=dict)  # model -> from when on the target uses it again (room.py)


@dataclass(frozen=True, slots=True)
class Played:
    """What was seen of a scenario; `sure` that all of it is its own, whatever else was played at the same time."""

    observation: Observation
    sure: bool


async def replay(scenario: Scenario, site: Site) -> Observation:
    """Play all steps. What comes back holds no secret. Raises `TargetFailed` if the target has died."""
    return (await play(scenario, site)).observation


async def play(scenario: Scenario, site: Site) -> Played:
    """As `replay`, beside others."""
    with site.upstream.play(scenario) as on:
        client = [exchange for group in _groups(scenario.steps) for exchange in await _together(group, on, site)]
        await on.settle(site.settle_patience)
    site.target.require_alive()
    return Played(_observation(scenario, site, client, on), not on.doubtful)


def _observation(scenario: Scenario, site: Site, client: Sequence[Exchange], play: Play) -> Observation:
    secrets = {site.key: KEY, **site.hidden}
    hide = partial(hidden, secrets=secrets)
    effects = play.effects()
    return Observation(
        scenario.id,
        site.target.name,
        site.role,
        tuple(map(hide, client)),
        tuple(map(hide, play.exchanges())),
        replace(effects, unexpected=tuple(_renamed(note, secrets) for note in effects.unexpected)),
    )


async def warm_up(site: Site, models: Mapping[str, Sequence[str]]) -> tuple[Exchange, ...]:
    """For each path its models get a request, whole and streamed, that nobody looks at: a gateway's first answers
    may differ from all later ones (LiteLLM 1.106.2 does not hold `message_start` back in a fresh process)."""
    requests = [
        _warming(path, model, stream, site.key)
        for path, names in models.items()
        for model in names
        for stream in (False, True)
    ]
    with site.upstream.improvising(autoplay()):
        exchanges = [await send(request, site.target.url, patience=site.step_patience) for request in requests]
    return tuple(hidden(exchange, {site.key: KEY, **site.hidden}) for exchange in exchanges)


def _warming(path: str, model: str, stream: bool, key: str) -> Request:
    flag = "true" if stream else "false"
    body = f'{{"model":"{model}","max_tokens":16,"stream":{flag},"messages":[{{"role":"user","content":"Hello"}}]}}'
    headers = (
        ("Content-Type", "application/json"),
        ("Authorization", f"Bearer {key}"),
        ("anthropic-version", "2023-06-01"),
    )
    return Request("POST", path, headers, body.encode())


# --- steps ----------------------------------------------------------------------------------------------------------


def _groups(steps: Sequence[Step]) -> Iterator[list[tuple[int, Step]]]:
    """The steps with their numbers; those that are sent together are in one group."""
    group: list[tuple[int, Step]] = []
    for number, step in enumerate(steps):
        if group and not step.together:
            yield group
            group = []
        group.append((number, step))
    if group:
        yield group


async def _together(group: Sequence[tuple[int, Step]], play: Play, site: Site) -> list[Exchange]:
    """All at once; only an equal of an earlier request waits until the upstream has that one's call: nothing else could
    tell which of them a call belongs to."""
    sent: dict[int, asyncio.Task[Exchange]] = {}
    async with asyncio.TaskGroup() as tasks:
        for number, step in group:
            twins = [earlier for earlier, other in group if earlier < number and _equal(other, step)]
            turn = _called_or_done(play, twins[-1], sent[twins[-1]]) if twins else None
            sent[number] = tasks.create_task(_in_turn(turn, _step(number, step, play, site)))
    return [task.result() for task in sent.values()]


def _equal(one: Step, other: Step) -> bool:
    """Whether the upstream could take a call of the one for a call of the other."""
    asked = [(step.request.method, step.request.path, step.request.body) for step in (one, other)]
    return asked[0] == asked[1] and bool(one.replies and other.replies)


async def _in_turn(turn: Awaitable[None] | None, step: Coroutine[None, None, Exchange]) -> Exchange:
    if turn is not None:
        await turn
    return await step


async def _called_or_done(play: Play, step: int, task: asyncio.Task[Exchange]) -> None:
    """A gateway need not call at all: it may refuse, or answer by itself."""
    called = asyncio.create_task(play.called(step))
    try:
        await asyncio.wait((called, task), return_when=asyncio.FIRST_COMPLETED)
    finally:
        called.cancel()


async def _step(number: int, step: Step, play: Play, site: Site) -> Exchange:
    at = play.begin(number)
    leave = asyncio.Event() if step.leave_after == 0 else step.leave_after
    watcher = asyncio.create_task(_leave_when_called(play, number, leave))
    try:
        exchange = await send(
            _filled(step.request, site),
            site.target.url,
            on_event=partial(play.client_saw, number),
            leave=leave,
            patience=site.step_patience,
        )
    finally:
        play.end(number)
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
    outcome = _with_host_named(exchange.outcome, site)
    return replace(exchange, request=step.request, outcome=outcome, step=number, at=at + exchange.at)


async def _leave_when_called(play: Play, step: int, leave: asyncio.Event | int | None) -> None:
    if isinstance(leave, asyncio.Event):
        await play.called(step)
        leave.set()


def _filled(request: Request, site: Site) -> Request:
    """The request with this run's key and host in its headers."""
    host = _host(site)
    headers = tuple((name, value.replace(KEY, site.key).replace(HOST, host)) for name, value in request.headers)
    return replace(request, headers=headers)


def _with_host_named(outcome: Response | Failure, site: Site) -> Response | Failure:
    """Return the outcome with `<host>` for the target's address in `location`.

    Its port differs from run to run. As a volatile number it could not be told from the port of another program, behind
    the target, to which no client gets.
    """
    if isinstance(outcome, Failure):
        return outcome
    places = (f"//{_host(site)}/", f"//{HOST}/")
    headers = tuple((n, v.replace(*places) if n.lower() == "location" else v) for n, v in outcome.headers)
    return replace(outcome, headers=headers)


def _host(site: Site) -> str:
    return site.target.url.partition("://")[2].partition("/")[0]


def hidden(exchange: Exchange, secrets: Mapping[str, str]) -> Exchange:
    """The exchange with a name in the place of each secret: none is stored, and one that leaks is still seen."""
    request, outcome = exchange.request, exchange.outcome
    path = _renamed(request.path, secrets)
    known = Request(request.method, path, _without(request.headers, secrets), _masked(request.body, secrets))
    if isinstance(outcome, Failure):
        return replace(exchange, request=known)
    chunks = tuple(Chunk(chunk.at, _masked(chunk.data, secrets)) for chunk in outcome.chunks)
    shown = replace(outcome, headers=_without(outcome.headers, secrets), chunks=chunks)
    return replace(exchange, request=known, outcome=shown)


def _without(headers: Headers, secrets: Mapping[str, str]) -> Headers:
    return tuple((name, _renamed(value, secrets)) for name, value in headers)


def _masked(data: bytes, secrets: Mapping[str, str]) -> bytes:
    for secret, name in secrets.items():
        data = data.replace(secret.encode(), name.encode())
    return data


def _renamed(text: str, secrets: Mapping[str, str]) -> str:
    for secret, name in secrets.items():
        text = text.replace(secret, name)
    return text
