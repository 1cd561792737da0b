"""A target of one run: started, with a simulated upstream and credentials of its own."""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.model import Role, Target
from harness.replay.ports import free_port
from harness.replay.run import Site
from harness.replay.target import RunningTarget, running, version_of
from harness.settings import Settings
from harness.upstream.app import SimulatedUpstream

_PORT = re.compile(r"{(\w*port)}")
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")  # of the user's environment: a key of theirs must not get into a run


@dataclass(frozen=True, slots=True)
class Credentials:
    """All new for one run: the gateway's key, and one for each variable that asks for a {secret}."""

    key: str = field(default_factory=lambda: f"sk-parity-{secrets.token_hex(24)}", repr=False)
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def secret(self, variable: str) -> str:
        return f"sk-{variable.lower().replace('_', '-')}-{self.token}"

    def hidden(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Secret -> what stands in its place in everything that is stored."""
        asked = [name for name, value in environment.items() if "{secret}" in value]
        return {self.key: "<key>", **{self.secret(name): f"<{name}>" for name in asked}}


@asynccontextmanager
async def site(
    role: Role, name: str, settings: Settings, credentials: Credentials, port: int | None, logs: Path
) -> AsyncIterator[tuple[Site, str]]:
    """Gives the running target, and its version. The baseline's second instance takes free ports, whatever is fixed."""
    fixed = {} if role is Role.AGAIN else {**settings.target(name).ports, **({"port": port} if port else {})}
    async with SimulatedUpstream(patience=settings.patience) as upstream:
        place = gateway(name, settings, credentials, upstream.url, fixed, logs / role.value.replace(" ", "-"))
        async with place as (target, version):
            yield Site(target, upstream, credentials.key, role, credentials.hidden(settings.environment)), version


@asynccontextmanager
async def gateway(
    name: str, settings: Settings, credentials: Credentials, upstream_url: str, fixed: Mapping[str, int], logs: Path
) -> AsyncIterator[tuple[RunningTarget, str]]:
    """Gives the running target, whose provider is `upstream_url`, and its version; `fixed` are ports."""
    target = settings.target(name).target(name)
    with tempfile.TemporaryDirectory(prefix="gateway-parity-") as home:
        names = _names(settings, target, upstream_url, credentials.key, fixed)
        env = environment(settings.environment, credentials, names, home)
        version = await version_of(target, names, env)
        async with running(target, names, logs, env) as place:
            yield place, version


def environment(
    asked: Mapping[str, str], credentials: Credentials, names: Mapping[str, str], home: str
) -> dict[str, str]:
    """The whole environment of a target's programs: only what harness.toml says, and what any program needs."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    given = {name: text.format_map({**names, "secret": credentials.secret(name)}) for name, text in asked.items()}
    return {**kept, "HOME": home, "PYTHONUNBUFFERED": "1", **given}


def _names(settings: Settings, target: Target, upstream: str, key: str, fixed: Mapping[str, int]) -> dict[str, str]:
    """What the {names} of a target stand for."""
    texts = [target.url, *(text for process in target.processes for text in (*process.command, process.ready))]
    ports = {name: free_port() for text in texts for name in _PORT.findall(text)} | dict(fixed)
    return {
        "python": sys.executable,
        "bin": str(Path(sys.executable).parent),
        "config": str(settings.config),
        "upstream": upstream,
        "upstream_by_name": upstream.replace("//127.0.0.1:", "//localhost:"),
        "key": key,
        **{name: str(number) for name, number in ports.items()},
    }
