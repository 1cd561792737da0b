"""Which programs the launcher runs for what was asked, each with its command and the socket that it is asked on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
LOOPBACK = "127.0.0.1"
PRODUCTION = "production"

Primary = Literal["binary", "sdk"]


class BadInput(Exception):
    """One sentence for the user: what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """`own`: the names of the sockets that it listens on all the time; the first is the one where `ready` is asked for.

    `takes_production`: the production port can be handed to it.
    """

    name: str
    command: tuple[str, ...]
    ready: str
    own: tuple[str, ...]
    takes_production: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """`port` is the production port; the SDK proxy has `sdk_port` besides where both run."""

    config: Path
    both: bool
    host: str
    port: int
    sdk_port: int
    litellm_port: int

    def addresses(self) -> dict[str, tuple[str, int]]:
        """Of the sockets that others know by their port. Raises `BadInput` where two of them are the same."""
        found = {PRODUCTION: (self.host, self.port), "litellm": (LOOPBACK, self.litellm_port)}
        if self.both:
            found["sdk"] = (self.host, self.sdk_port)
        _different(found)
        return found


def said_primary(option: bool, environ: Mapping[str, str]) -> Primary | None:
    """None: nobody said. Raises `BadInput` for a USE_SDK_PROXY that is neither true nor false."""
    said = environ.get("USE_SDK_PROXY", "").strip().lower()
    if said and said not in _TRUTHS:
        raise BadInput(f"USE_SDK_PROXY={said}: say true or false")
    if option:
        return "sdk"
    return None if not said else "sdk" if _TRUTHS[said] else "binary"


def binary(asked: Asked) -> tuple[Program, ...]:
    """LiteLLM is there only for the binary proxy, which calls it."""
    litellm = ("--config", str(asked.config), "--host", LOOPBACK, "--port", str(asked.litellm_port))
    command = _module("sdk_proxy.litellm_proxy_with_memory", asked)
    return (
        Program(
            "litellm",
            (str(Path(sys.executable).parent / "litellm"), *litellm),
            "/health/liveliness",
            ("litellm",),
            takes_production=False,
        ),
        Program(
            "binary-proxy",
            (*command, "--litellm-url", f"http://{LOOPBACK}:{asked.litellm_port}"),
            "/health",
            ("binary-proxy",),
        ),
    )


def sdk(asked: Asked) -> tuple[Program, ...]:
    """One worker: what the launcher watches is one process."""
    own = ("sdk-proxy", "sdk") if asked.both else ("sdk-proxy",)
    command = (*_module("sdk_proxy", asked), "--workers", "1", "--warm-up")
    return (Program("sdk-proxy", command, "/health/readiness", own),)


def names(programs: Iterable[Program]) -> str:
    return ", ".join(program.name for program in programs)


def _module(name: str, asked: Asked) -> tuple[str, ...]:
    """Its port is whatever the launcher hands it: what it would bind itself is none."""
    return ("-m", name, "--config", str(asked.config), "--host", LOOPBACK, "--port", "0")


def _different(addresses: Mapping[str, tuple[str, int]]) -> None:
    owners: dict[int, str] = {}
    for name, (_, port) in addresses.items():
        if port in owners:
            raise BadInput(f"{owners[port]} and {name} cannot both have port {port}")
        owners[port] = name
