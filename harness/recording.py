"""Live traffic that passes two recorders -> a scenario."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BadInput
from harness.model import Exchange, Scenario
from harness.traffic.recorder import Recorder
from harness.traffic.scenario_file import write
from harness.traffic.scrub import credentials, scrub
from harness.traffic.to_scenario import to_scenario

# Nobody's words are in what the situations say: their stand-ins may be the same in every recording.
_SITUATIONS_KEY = b"situations"
_SETTLE = 0.3  # seconds for what the gateway still says to its provider after its client has gone

Announce = Callable[[str], None]


# --- live traffic ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recording:
    """What to listen to, and what to make of it."""

    about: Scenario  # everything but the steps
    file: Path
    gateway: str  # a URL
    provider: str | None = None  # a URL; without one the scenario has no replies
    port: int = 0
    provider_port: int = 0
    keep_text: bool = False


async def record(recording: Recording, announce: Announce) -> int:
    """Record until cancelled (Ctrl-C), then scrub and write. Gives the number of the client's requests; if there were
    none, nothing is written."""
    async with Recorder(recording.gateway, recording.port) as before, _between(recording) as between:
        announce(f"clients: send to {before.url}, which forwards to {recording.gateway}")
        if between is not None:
            announce(f"gateway: send to {between.url}, which forwards to {recording.provider}")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            upstream = between.exchanges if between else ()
            return keep(recording.about, recording.file, before.exchanges, upstream, recording.keep_text)
    return 0


def refuse_to_overwrite(file: Path, update: bool) -> None:
    if file.exists() and not update:
        raise BadInput("is there already: name another file, or record it again with --update", file)


@asynccontextmanager
async def _between(recording: Recording) -> AsyncIterator[Recorder | None]:
    if recording.provider is None:
        yield None
        return
    async with Recorder(recording.provider, recording.provider_port) as recorder:
        yield recorder


def keep(
    about: Scenario, file: Path, client: Sequence[Exchange], upstream: Sequence[Exchange], keep_text: bool = False
) -> int:
    """Scrub and write what passed; the number of the client's requests. If there were none, nothing is written."""
    if client:
        known = credentials((*client, *upstream))
        (scenario,) = scrub([to_scenario(about, client, upstream)], secrets.token_bytes(32), keep_text, known)
        write(scenario, file)
    return len(client)
