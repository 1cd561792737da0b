"""Four trials of a gateway beside parity: requests that nobody would send, minutes of streams, secrets everywhere,
clients that leave."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from harness.model import Exchange, Failure, Reply, Request, Response, Role, Scenario
from harness.performance.sampling import growth, highest_rss, sampling
from harness.recording import keep
from harness.replay.client import send
from harness.replay.run import Site, warm_up
from harness.settings import Settings
from harness.site import Credentials, gateway, site
from harness.traffic.recorder import Recorder
from harness.trials.findings import Fault, faults, sung, tracebacks
from harness.trials.fuzzed import fuzzed, great
from harness.trials.leaving import MOST_MS, Case, cases, late, measured
from harness.upstream.autoplay import answer, autoplay
from harness.upstream.paced import Pace, PacedUpstream
from harness.upstream.play import Play

Tell = Callable[[str], None]
Tree = dict[str, Any]
_MIB = 1024 * 1024
_AT_ONCE = 8
_LEAVING_PATIENCE = 10.0  # seconds
_SETTLED = 0.2  # seconds: what was sent has been read by the other side
_ROUTES = ("/v1/messages", "/v1/chat/completions")
_MODELS = ("claude-sonnet-5", "gpt-5", "gemini-2.5-pro")


# --- fuzz -----------------------------------------------------------------------------------------------------------


async def fuzz(settings: Settings, number: int, seed: int, patience: float, logs: Path, tell: Tell) -> Tree:
    """Both targets get the same requests, `patience` seconds for each. `faults`: what only the candidate does wrong."""
    credentials = Credentials()
    requests = (*great(credentials.key), *fuzzed(number, seed, credentials.key))
    async with AsyncExitStack() as stack:
        starting = [_site(role, settings, credentials, logs) for role in (Role.BASELINE, Role.CANDIDATE)]
        baseline, candidate = [await stack.enter_async_context(each) for each in starting]
        found, statuses = await _all_sent(requests, baseline, candidate, patience, tell)
        candidate.target.require_alive()
        logged = [name for log in candidate.target.logs for name in tracebacks(log.read_bytes())]
    return {
        "requests": len(requests),
        "seed": seed,
        "statuses": {role: dict(sorted(told.items())) for role, told in statuses.items()},
        "tracebacks_logged": dict(Counter(logged)),
        "faults": [_told(fault, credentials.key) for fault in found],
    }


@asynccontextmanager
async def _site(role: Role, settings: Settings, credentials: Credentials, logs: Path) -> AsyncIterator[Site]:
    name = settings.candidate if role is Role.CANDIDATE else settings.baseline
    async with site(role, name, settings, credentials, None, logs) as (place, _):
        await warm_up(place, settings.warm_up)
        with place.upstream.improvising(autoplay()):
            yield place


async def _all_sent(
    requests: Sequence[Request], baseline: Site, candidate: Site, patience: float, tell: Tell
) -> tuple[list[Fault], dict[str, Counter[str]]]:
    found: list[Fault] = []
    statuses = {"baseline": Counter[str](), "candidate": Counter[str]()}
    free, done = asyncio.Semaphore(_AT_ONCE), count(1)

    async def one(request: Request) -> None:
        async with free:
            told, new = await asyncio.gather(
                *(send(request, each.target.url, patience=patience) for each in (baseline, candidate))
            )
        statuses["baseline"][_status(told)] += 1
        statuses["candidate"][_status(new)] += 1
        found.extend(faults(request, told.outcome, new.outcome))
        if (number := next(done)) % 250 == 0:
            tell(f"{number} of {len(requests)} requests, {len(found)} faults")

    await asyncio.gather(*map(one, requests))
    return found, statuses


def _status(exchange: Exchange) -> str:
    return exchange.outcome.kind if isinstance(exchange.outcome, Failure) else str(exchange.outcome.status)


def _told(fault: Fault, key: str) -> Tree:
    request = fault.request
    headers = [f"{name}: {value}".replace(key, "<key>") for name, value in request.headers]
    body = request.body[:2000].decode("utf-8", "backslashreplace")
    return {"what": fault.what, "method": request.method, "path": request.path, "headers": headers, "body": body}


# --- soak -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SoakPlan:
    """`streams` at once; `between` two events of one, in seconds."""

    settings: Settings
    streams: int = 50
    minutes: float = 10.0
    warm_up: float = 2.0
    between: float = 0.05


async def soak(plan: SoakPlan, logs: Path, tell: Tell) -> Tree:
    """RSS of the candidate's process tree under mixed streams, after a warm-up of the same."""
    settings, minutes = plan.settings, plan.minutes
    credentials, counts = Credentials(), Counter[str]()
    async with (
        PacedUpstream(pace=Pace(0.3, plan.between, 60)) as upstream,
        gateway(settings.candidate, settings, credentials, upstream.url, {}, logs) as (target, version),
    ):
        clients = [asyncio.create_task(_client(target.url, credentials.key, n, counts)) for n in range(plan.streams)]
        try:
            await asyncio.sleep(plan.warm_up * 60)
            tell("warmed up")
            async with sampling(target.pids, 2.0) as samples:
                for minute in range(1, int(minutes) + 1):
                    await asyncio.sleep(60 * minutes / int(minutes))
                    target.require_alive()
                    tell(f"minute {minute}: {samples[-1].rss / _MIB:.1f} MiB, {counts.total()} answers")
        finally:
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
    grown = growth(samples)
    return {
        "target": settings.candidate,
        "version": version,
        "streams": plan.streams,
        "between_events_s": plan.between,
        "most_at_once_upstream": upstream.counts.peak,
        "minutes": minutes,
        "warm_up_minutes": plan.warm_up,
        "answers": dict(counts),
        "highest_rss_mib": round(highest_rss(samples) / _MIB, 1),
        "growth_mib_a_minute": None if grown is None else round(grown / _MIB, 3),
        "rss_mib": [round(each.rss / _MIB, 1) for each in samples[::15]],
    }


async def _client(url: str, key: str, number: int, counts: Counter[str]) -> None:
    """One stream after the other, each on the next route and model."""
    for turn in count(number):
        path, model = _ROUTES[turn % 2], _MODELS[turn // 2 % 3]
        exchange = await send(_asking(path, model, key, stream=True), url, patience=60.0)
        counts["whole" if _is_whole(exchange) else f"failed: {path} {model}"] += 1


def _is_whole(exchange: Exchange) -> bool:
    outcome = exchange.outcome
    ends = (b"data: [DONE]", b"message_stop")
    return isinstance(outcome, Response) and outcome.status == 200 and any(end in outcome.body[-200:] for end in ends)


def _asking(path: str, model: str, key: str, *, stream: bool, words: str = "Hello", **more: str) -> Request:
    body = {"model": model, "max_tokens": 64, "stream": stream, "messages": [{"role": "user", "content": words}]}
    headers = (("Content-Type", "application/json"), ("Authorization", f"Bearer {key}"), *more.items())
    return Request("POST", path, headers, json.dumps(body).encode())


# --- canary ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Canaries:
    """A secret of its own for each place that one can be in."""

    credentials: Credentials
    spoken: dict[str, str]

    @classmethod
    def new(cls) -> Canaries:
        places = ("prompt", "model", "cookie", "upstream-cookie", "wrong-key", "x-header", "query", "answer", "user")
        return cls(Credentials(), {place: f"canary-{place}-{secrets.token_hex(12)}" for place in places})

    def all(self, settings: Settings) -> dict[str, str]:
        provided = {name: secret for secret, name in self.credentials.hidden(settings.environment).items()}
        return {**self.spoken, **provided}


async def canary(settings: Settings, logs: Path, tell: Tell) -> Tree:
    """Secrets in keys, cookies, headers, prompts, answers; `found`: those that the candidate's log or metrics have, or
    a recording of that traffic as `harness record` makes it."""
    canaries = Canaries.new()
    known = canaries.all(settings)
    async with site(Role.CANDIDATE, settings.candidate, settings, canaries.credentials, None, logs) as (place, _):
        with place.upstream.improvising(_singing(canaries, canaries.credentials.secret("OPENAI_API_KEY"))):
            requests = [*_secret_requests(canaries)]
            async with Recorder(place.target.url) as recorder:
                outcomes = [await send(request, recorder.url, patience=20.0) for request in requests]
            recorded = _recorded(recorder.exchanges, place.upstream.unscripted, logs)
        metrics = await send(Request("GET", "/metrics"), place.target.url, patience=5.0)
        text = metrics.outcome.body if isinstance(metrics.outcome, Response) else b""
        # Before the target is stopped: what the harness strikes out of the logs then would not be seen.
        found = sung(known, place.target.logs, {"metrics": text})
        scrubbed = {what: secret for what, secret in known.items() if what != "model"}  # the name of a model stays
        found += sung(scrubbed, (), {"recording": recorded})
        sizes = {log.name: log.stat().st_size for log in place.target.logs}
    tell(f"{len(requests)} requests, {len(known)} secrets, {len(found)} found")
    return {
        "requests": len(requests),
        "statuses": dict(Counter(map(_status, outcomes))),
        "secrets": [*known],
        "bytes_searched": {**sizes, "metrics": len(text), "recording": len(recorded)},
        "found": [*found],
    }


def _recorded(client: Sequence[Exchange], upstream: Sequence[Exchange], folder: Path) -> bytes:
    about, file = Scenario("canary/all", "canary", "Secrets everywhere", "recorded", (), ()), folder / "canary.yaml"
    keep(about, file, client, upstream, accept_malformed=True)
    return file.read_bytes()


def _secret_requests(canaries: Canaries) -> Iterator[Request]:
    spoken, key = canaries.spoken, canaries.credentials.key
    more = {
        "Cookie": f"session={spoken['cookie']}",
        "x-secret-token": spoken["x-header"],
        "x-sm-user-id": spoken["user"],
        "x-request-id": f"{spoken['x-header']} is not sane",
    }
    for path in _ROUTES:
        for model in (*_MODELS, spoken["model"]):
            for stream in (False, True):
                asking = _asking(path, model, key, stream=stream, words=spoken["prompt"], **more)
                yield replace(asking, path=f"{path}?key={spoken['query']}")
                yield _asking(path, model, spoken["wrong-key"], stream=stream, words=spoken["prompt"], **more)
        yield replace(_asking(path, "gpt-5", key, stream=False), body=spoken["prompt"].encode())
    yield Request("GET", f"/v1/models/{spoken['model']}", (("x-api-key", key),))


def _singing(canaries: Canaries, key: str) -> Callable[[Request], Reply]:
    """Every third call fails, and its error repeats the provider's key and the prompt, as providers' errors do."""
    whole, numbers, spoken = autoplay(), count(1), canaries.spoken
    cookie = ("set-cookie", f"__cf_bm={spoken['upstream-cookie']}; Path=/")

    def answer(request: Request) -> Reply:
        if next(numbers) % 3:
            reply = whole(request)
            return replace(reply, headers=(*reply.headers, cookie))
        words = f"key {key} said {spoken['prompt']} {spoken['answer']}"
        body = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
        return Reply(400, (("content-type", "application/json"), cookie), json.dumps(body).encode())

    return answer


# --- leaving --------------------------------------------------------------------------------------------------------


async def leaving(settings: Settings, rounds: int, logs: Path, tell: Tell) -> Tree:
    """Milliseconds from a client's leaving to the end of the candidate's call of the upstream, by route and window."""
    credentials = Credentials()
    rows: list[Tree] = []
    async with site(Role.CANDIDATE, settings.candidate, settings, credentials, None, logs) as (place, version):
        await warm_up(place, settings.warm_up)
        for case in cases():
            await _left_once(place, case, 0)  # LiteLLM's first call of a kind loads code
            row = measured(case, [await _left_once(place, case, number) for number in range(1, rounds + 1)])
            rows.append(row)
            told = (
                "never" if row["most_ms"] is None else f"{row['median_ms']:6.1f} ms, at most {row['most_ms']:6.1f} ms"
            )
            tell(f"{case.route:10} {case.provider:10} {case.window:23} {told}")
        place.target.require_alive()
    missed = [*late(rows)]
    return {"target": settings.candidate, "version": version, "rounds": rounds, "most_ms": MOST_MS, "cases": rows} | {
        "late": missed
    }


async def _left_once(place: Site, case: Case, number: int) -> float | None:
    """None: the upstream did not see the end of the call within some seconds."""
    scenario = case.scenario(place.key, number, answer(case.upstream_request()))
    leave, seen = asyncio.Event(), asyncio.Event()
    with place.upstream.play(scenario) as play:
        play.begin(0)
        request = scenario.steps[0].request
        sending = asyncio.create_task(send(request, place.target.url, on_event=lambda _: seen.set(), leave=leave))
        try:
            async with asyncio.timeout(_LEAVING_PATIENCE):
                await _reached(case, play, seen)
                began = monotonic()
                leave.set()
                await play.calls[0].finished.wait()
                return (monotonic() - began) * 1000
        except TimeoutError:
            return None
        finally:
            leave.set()
            play.end(0)
            await sending


async def _reached(case: Case, play: Play, seen: asyncio.Event) -> None:
    """The window in which the client leaves."""
    await play.called(0)
    if case.window == "in mid-stream":
        await seen.wait()
    await asyncio.sleep(_SETTLED)
