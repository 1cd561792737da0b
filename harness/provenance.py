"""Of what a figure is true: the commit, the configuration and the LiteLLM that it was measured with, and when."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, TypedDict

_PATIENCE = 20.0  # seconds for git


class Measured(Protocol):
    """The settings of a measurement: `network` says how it was kept on loopback."""

    @property
    def config(self) -> Path: ...
    @property
    def network(self) -> str: ...


class Made(TypedDict):
    """`at`: ISO 8601, UTC. `commit` is None outside of a repository; `dirty`: files that differ from it, or are not in
    it. `config`: the SHA-256 of the gateways' configuration, None where it cannot be read. `network`: how the run was
    kept on loopback; empty where nothing was started."""

    at: str
    commit: str | None
    dirty: int
    config: str | None
    litellm: str | None
    network: str


def made(config: Path, root: Path | None = None, network: str = "") -> Made:
    """Now, here: in `root`, or in the working directory."""
    folder = root or Path()
    changed = _git(folder, "status", "--porcelain")
    return Made(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_git(folder, "rev-parse", "HEAD"),
        dirty=len(changed.splitlines()) if changed else 0,
        config=_checksum(config),
        litellm=_litellm(),
        network=network,
    )


def stamped(tree: Mapping[str, Any], settings: Measured) -> dict[str, Any]:
    """A measurement with `made` in it: what it is true of."""
    return {**tree, "made": made(settings.config, network=settings.network)}


def stale(then: Mapping[str, Any] | None, now: Made) -> list[str]:
    """What has changed since, as sentences; none where it still holds. Nobody knows that of what does not say."""
    if then is None:
        return ["does not say what it was made of"]
    told = {
        "commit": "made of another commit",
        "config": "made with another configuration",
        "litellm": "made with another LiteLLM",
    }
    found = [
        f"{words}: {_short(then.get(key))}, not {_short(now.get(key))}"
        for key, words in told.items()
        if then.get(key) != now.get(key)
    ]
    return [*found, *([f"made with {then['dirty']} files that were not committed"] if then.get("dirty") else [])]


def _short(value: object) -> str:
    return str(value)[:12] if value else "unknown"


def _git(folder: Path, *words: str) -> str | None:
    """None where there is no git, no repository or no commit."""
    try:
        command = ("git", "-C", str(folder), *words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _checksum(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _litellm() -> str | None:
    try:
        return version("litellm")
    except PackageNotFoundError:
        return None
