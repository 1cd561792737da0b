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
from harness.traffic.scrub import Sources, credentials, scrub, scrub_readable
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
    accept_malformed: bool = False


async def record(recording: Recording, announce: Announce) -> int:
    """Record until cancelled (Ctrl-C), then scrub and write. Gives the number of the client's requests; if there were
    none, nothing is written. Raises `BadInput` for calls that cannot be scrubbed; the others are written then."""
    async with Recorder(recording.gateway, recording.port) as before, _between(recording) as between:
        announce(f"clients: send to {before.url}, which forwards to {recording.gateway}")
        if between is not None:
            announce(f"gateway: send to {between.url}, which forwards to {recording.provider}")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            upstream = between.exchanges if between else ()
            return _keep_live(recording, before.exchanges, upstream)
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
    about: Scenario,
    file: Path,
    client: Sequence[Exchange],
    upstream: Sequence[Exchange],
    keep_text: bool = False,
    *,
    sources: Sources | None = None,
    accept_malformed: bool = False,
) -> int:
    """Scrub and write what passed; the number of the client's requests. If there were none, nothing is written.

    Raises `BadInput`, before anything is written, for a body that is not what its headers say; with `accept_malformed`
    it is scrubbed as text where it cannot be read.
    """
    if client:
        known = credentials((*client, *upstream))
        scenario = to_scenario(about, client, upstream)
        (scrubbed,) = scrub(
            [scenario],
            secrets.token_bytes(32),
            keep_text,
            known,
            sources=sources,
            accept_malformed=accept_malformed,
        )
        write(scrubbed, file)
    return len(client)


def _keep_live(recording: Recording, client: Sequence[Exchange], upstream: Sequence[Exchange]) -> int:
    """As `keep`, but the calls that can be scrubbed are written, because live traffic cannot be had again; then raises
    `BadInput` for the others."""
    if recording.accept_malformed or not client:
        return keep(recording.about, recording.file, client, upstream, recording.keep_text, accept_malformed=True)
    scenario, known = to_scenario(recording.about, client, upstream), credentials((*client, *upstream))
    sources = Sources(recording.file, recording.file)
    scrubbed, refused = scrub_readable(scenario, secrets.token_bytes(32), recording.keep_text, known, sources)
    if scrubbed.steps:
        write(scrubbed, recording.file)
    if refused:
        rest = f"the other {len(scrubbed.steps)} requests are written" if scrubbed.steps else "nothing is written"
        raise BadInput("\n".join([*map(str, refused), f"{recording.file}: {len(refused)} left out, {rest}"]))
    return len(client)
