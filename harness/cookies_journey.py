"""A gateway between many requests and three origins behind Cloudflare: how often is it challenged, and who notices?

The gateway is started, gets the requests, is stopped, started again with the same jar, and gets some more.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from time import monotonic

from harness.model import Exchange, Request, Response
from harness.performance.cookies import Phase
from harness.replay.client import send
from harness.settings import Settings
from harness.site import Credentials, gateway
from harness.upstream.autoplay import autoplay
from harness.upstream.cloudflare import Cloudflare
from harness.upstream.paced import Pace, PacedUpstream

_CHAT, _MESSAGES = "/v1/chat/completions", "/v1/messages"
_MODELS = (
    (_MESSAGES, "claude-sonnet-5"),
    (_CHAT, "claude-sonnet-5"),
    (_CHAT, "gpt-5"),
    (_MESSAGES, "gpt-5"),
    (_CHAT, "gemini-2.5-pro"),
)
_CALLS = (
    *((path, model, stream) for path, model in _MODELS for stream in (False, True)),
    (f"{_MESSAGES}/count_tokens", "claude-sonnet-5", False),
)
_PACE = Pace(first_byte=0.01, between=0.0, events=8)


@dataclass(frozen=True, slots=True)
class CookiesPlan:
    """`jar`: what the gateway is told in COOKIE_JAR; without one, a file of this run."""

    settings: Settings
    requests: int = 10_000
    after_restart: int = 500
    at_once: int = 50
    workers: int = 1
    jar: str | None = None
    credentials: Credentials = field(default_factory=Credentials)


async def phases(plan: CookiesPlan, logs: Path, tell: Callable[[str], None]) -> AsyncIterator[Phase]:
    """The first start's figures, then the second's. Raises `HarnessError` where the gateway does not start, or dies."""
    edge = Cloudflare(autoplay())
    with tempfile.TemporaryDirectory(prefix="gateway-cookies-") as folder:
        async with PacedUpstream(0, _PACE, edge.refusal) as one, PacedUpstream(0, _PACE, edge.refusal) as other:
            told = {
                "OPENAI_API_BASE": "{upstream_other}/openai/v1",
                "GEMINI_API_BASE": "{upstream_by_name}/gemini",
                "COOKIE_JAR": plan.jar or str(Path(folder, "cookies.json")),
                "PROXY_WORKERS": str(plan.workers),
            }
            for name, number in (("started", plan.requests), ("started again", plan.after_restart)):
                upstreams = one.url, {"upstream_other": other.url}
                async with _started(plan, upstreams, told, logs / name.replace(" ", "-")) as url:
                    yield await _phase(plan, edge, name, number, url, tell)


@asynccontextmanager
async def _started(
    plan: CookiesPlan, upstreams: tuple[str, dict[str, str]], told: dict[str, str], logs: Path
) -> AsyncIterator[str]:
    upstream, others = upstreams
    settings = plan.settings.model_copy(update={"environment": {**plan.settings.environment, **told}})
    async with gateway(settings.candidate, settings, plan.credentials, upstream, {}, logs, others) as (target, _):
        yield target.url
        target.require_alive()


async def _phase(
    plan: CookiesPlan, edge: Cloudflare, name: str, number: int, url: str, tell: Callable[[str], None]
) -> Phase:
    before, strange, began = edge.challenges.copy(), len(edge.strange), monotonic()
    outcomes: Counter[str] = Counter()
    seen = 0
    left = islice(cycle(_requests(plan.credentials.key)), number)

    async def client() -> None:
        nonlocal seen
        for request in left:  # one iterator for all
            exchange = await send(request, url, patience=120.0)
            outcomes[_outcome(exchange)] += 1
            seen += _sets_cookie(exchange)
            if outcomes.total() % 500 == 0:
                tell(f"{name}: {outcomes.total()} of {number} requests, {edge.challenges.total()} challenges")

    await asyncio.gather(*(client() for _ in range(plan.at_once)))
    challenges = {origin: edge.challenges[origin] - before[origin] for origin in sorted(edge.challenges)}
    return Phase(name, number, monotonic() - began, dict(outcomes), challenges, len(edge.strange) - strange, seen)


def _requests(key: str) -> list[Request]:
    headers = (("host", "<host>"), ("authorization", f"Bearer {key}"), ("content-type", "application/json"))
    words = [{"role": "user", "content": "hi"}]
    bodies = ((path, {"model": model, "messages": words, "stream": s, "max_tokens": 64}) for path, model, s in _CALLS)
    return [Request("POST", path, headers, json.dumps(body).encode()) for path, body in bodies]


def _outcome(exchange: Exchange) -> str:
    outcome = exchange.outcome
    if not isinstance(outcome, Response):
        return outcome.kind
    return outcome.failure.kind if outcome.failure else str(outcome.status)


def _sets_cookie(exchange: Exchange) -> bool:
    outcome = exchange.outcome
    return isinstance(outcome, Response) and any("set-cookie" in name.lower() for name, _ in outcome.headers)
