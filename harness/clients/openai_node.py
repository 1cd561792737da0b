"""The real openai-node, which VS Code's extensions send through: a small program (openai_node/), installed with npm."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.clients import project
from harness.clients.program import Finished, bare_environment, run

PROJECT = Path(__file__).with_name("openai_node")
VERSION = "7.57.0"  # as package.json has it


async def installed(cache: Path) -> Path:
    """The folder with the program and what it needs, below `cache`: installed unless it is there already."""
    folder = project.place(PROJECT, cache, f"openai-node-{VERSION}")
    return await project.built(PROJECT, folder, folder / "node_modules" / "openai", ("npm", "ci", "--no-audit"))


async def drive(folder: Path, base_url: str, key: str, calls: str) -> Finished:
    """One run of main.mjs. `base_url` is the gateway's: the client asks below its /v1."""
    with tempfile.TemporaryDirectory(prefix="openai-node-") as home:
        env = {**bare_environment(Path(home)), "OPENAI_BASE_URL": f"{base_url}/v1", "OPENAI_API_KEY": key}
        code, output = await run(("node", str(folder / "main.mjs"), calls), env, Path(home))
    return Finished(code, output, f"openai-node {VERSION}")
