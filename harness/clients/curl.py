"""The real curl, as scripts call it: whatever this machine has."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.clients.program import Finished, bare_environment, run
from harness.errors import BadInput


async def installed(_: Path) -> Path:
    """Raises `BadInput`: it is the system's, nobody installs it here."""
    found = shutil.which("curl")
    if found is None:
        raise BadInput("there is no curl on this machine: install it first")
    return Path(found)


async def drive(curl: Path, base_url: str, key: str, arguments: Sequence[str]) -> Finished:
    """One run; {url} and {key} in the arguments are the gateway's. A status of 400 and more is exit code 22."""
    filled = [word.replace("{url}", base_url).replace("{key}", key) for word in arguments]
    with tempfile.TemporaryDirectory(prefix="curl-") as home:
        env = bare_environment(Path(home))
        command = (str(curl), "--silent", "--show-error", "--no-buffer", "--fail-with-body", *filled)
        code, output = await run(command, env, Path(home))
        _, version = await run((str(curl), "--version"), env, Path(home))
    return Finished(code, output, " ".join(version.split()[:2]))
