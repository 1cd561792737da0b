"""Which programs the launcher runs for what was asked, each with its command and the address that says it is ready."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class BadInput(Exception):
    """One sentence for the user: what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """`ready` answers 200 once it serves; until then nothing that needs it is started."""

    name: str
    command: tuple[str, ...]
    port: int
    ready: str


@dataclass(frozen=True, slots=True)
class Asked:
    """`port` is the production port; the SDK proxy has `sdk_port` where both run."""

    config: Path
    sdk: bool
    both: bool
    host: str
    port: int
    sdk_port: int
    litellm_port: int


def wants_sdk(option: bool, environ: Mapping[str, str]) -> bool:
    """Raises `BadInput` for a USE_SDK_PROXY that is neither true nor false."""
    said = environ.get("USE_SDK_PROXY", "").strip().lower()
    if said and said not in _TRUTHS:
        raise BadInput(f"USE_SDK_PROXY={said}: say true or false")
    return option or _TRUTHS.get(said, False)


def programs(asked: Asked) -> tuple[Program, ...]:
    """In the order of their start. LiteLLM is there only for the binary proxy, which calls it."""
    if asked.both:
        found = (*_binary(asked), _sdk(asked, asked.sdk_port))
    else:
        found = (_sdk(asked, asked.port),) if asked.sdk else _binary(asked)
    _different(found)
    return found


def _different(found: tuple[Program, ...]) -> None:
    owners: dict[int, str] = {}
    for program in found:
        if program.port in owners:
            raise BadInput(f"{owners[program.port]} and {program.name} cannot both have port {program.port}")
        owners[program.port] = program.name


def _binary(asked: Asked) -> tuple[Program, ...]:
    litellm = f"http://127.0.0.1:{asked.litellm_port}"
    config = ("--config", str(asked.config))
    beside = str(Path(sys.executable).parent / "litellm")
    command = (beside, *config, "--host", "127.0.0.1", "--port", str(asked.litellm_port))
    return (
        Program("litellm", command, asked.litellm_port, f"{litellm}/health/liveliness"),
        Program(
            "binary-proxy",
            _module("sdk_proxy.litellm_proxy_with_memory", asked, asked.port, "--litellm-url", litellm),
            asked.port,
            f"{_url(asked.host, asked.port)}/health",
        ),
    )


def _sdk(asked: Asked, port: int) -> Program:
    ready = f"{_url(asked.host, port)}/health/readiness"
    return Program("sdk-proxy", _module("sdk_proxy", asked, port), port, ready)


def _module(name: str, asked: Asked, port: int, *more: str) -> tuple[str, ...]:
    where = ("--host", asked.host, "--port", str(port))
    return (sys.executable, "-m", name, "--config", str(asked.config), *where, *more)


def _url(host: str, port: int) -> str:
    """How this machine reaches who listens on `host`."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
