"""A target of one run: started, with a simulated upstream and credentials of its own."""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from harness.errors import BadInput
from harness.isolation.config_tree import read_config
from harness.isolation.foreign import find_fetched, find_foreign, find_foreign_variables, find_foreign_words
from harness.isolation.namespace import Network, enter_namespace
from harness.model import Role, Target
from harness.replay.ports import free_port
from harness.replay.run import Site
from harness.replay.target import RunningTarget, running, version_of
from harness.settings import ProcessSettings, Settings
from harness.upstream.app import SimulatedUpstream

UNSET = "{unset}"
_SETTINGS = "the settings"
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


def isolate(
    settings: Settings, names: Collection[str], tell: Callable[[str], None], why_not: str = "", *, config: bool = False
) -> Settings:
    """Refuse what is not the harness's own, then leave the network for a namespace that has only loopback.

    The first thing that a command does that starts the targets `names`, while this process has no threads. `config`:
    programs that are no target's read the configuration. `why_not`: a reason to stay in the network. Raises `BadInput`.
    """
    refuse_foreign(settings, names, config=config)
    running = next((name for name in names if not settings.target(name).processes), None)
    if running is not None:
        why_not = f"the target {running} runs already, with a configuration that the harness does not know"
    network = Network(why_not) if why_not else enter_namespace()
    tell(f"isolation: {network}")
    return settings.model_copy(update={"network": str(network)})


def refuse_foreign(settings: Settings, names: Collection[str], *, config: bool = False) -> None:
    """Raises `BadInput` that names each address and credential of the targets that is not the harness's own."""
    processes = [process for name in names for process in settings.target(name).processes]
    found = [each for process in processes for each in _foreign_variables(settings, process)]
    found += [each for process in processes for each in _foreign_in_configs(settings, process)]
    if config:
        found += find_foreign_variables(settings.environment, _SETTINGS)
        found += find_fetched(settings.environment, _SETTINGS)
        found += _foreign_in(settings.config, settings.environment)
    _refuse(found)


def _refuse(found: Iterable[str]) -> None:
    lines = dict.fromkeys(found)
    if lines:
        places = f"{len(lines)} place{'s' if len(lines) > 1 else ''}"
        told = "\n".join(f"  {line}" for line in lines)
        raise BadInput(f"{places} could reach a real provider, or another server; nothing was started:\n{told}")


def _foreign_variables(settings: Settings, process: ProcessSettings) -> Iterator[str]:
    templates = {**settings.environment, **process.env}
    yield from find_foreign_variables(templates, _SETTINGS)
    yield from find_foreign_words(process.command, f"{_SETTINGS}: the command of {process.name}")
    if _configurations(process, settings):
        yield from find_fetched(templates, _SETTINGS)


def _foreign_in_configs(settings: Settings, process: ProcessSettings) -> Iterator[str]:
    for file in _configurations(process, settings):
        yield from _foreign_in(file, {**settings.environment, **process.env})


def _foreign_in(config: Path, templates: Mapping[str, str]) -> list[str]:
    return [str(each) for each in find_foreign(read_config(config), templates)]


def _configurations(process: ProcessSettings, settings: Settings) -> list[Path]:
    """What its command names: `{config}`, and any other YAML file."""
    words = [word.replace("{config}", str(settings.config)).removeprefix("--config=") for word in process.command]
    return [Path(word) for word in words if word.endswith((".yaml", ".yml")) or word == str(settings.config)]


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
    name: str,
    settings: Settings,
    credentials: Credentials,
    upstream_url: str,
    fixed: Mapping[str, int],
    logs: Path,
    others: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[tuple[RunningTarget, str]]:
    """Gives the running target, whose provider is `upstream_url`, and its version; `fixed` are ports, `others` further
    {names} of the environment. Raises `BadInput` where its configuration has an address that is not the harness's."""
    _refuse(each for process in settings.target(name).processes for each in _foreign_in_configs(settings, process))
    target = settings.target(name).target(name)
    with tempfile.TemporaryDirectory(prefix="gateway-parity-") as home:
        names = {**_names(settings, target, upstream_url, credentials.key, fixed), **others}
        env = environment(settings.environment, credentials, names, home)
        version = await version_of(target, names, env)
        async with running(target, names, logs, env) as place:
            yield place, version


def environment(
    asked: Mapping[str, str], credentials: Credentials, names: Mapping[str, str], home: str
) -> dict[str, str]:
    """The whole environment of a target's programs: only what harness.toml says, and what any program needs. A variable
    that is "{unset}" is left out."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    given = {
        name: text.format_map({**names, "secret": credentials.secret(name)})
        for name, text in asked.items()
        if text != UNSET
    }
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
