"""The real anthropic-node (@anthropic-ai/sdk): a small program (anthropic_node/), installed with npm."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.clients import project
from harness.clients.program import Finished, bare_environment, run

PROJECT = Path(__file__).with_name("anthropic_node")
VERSION = "1.12.0"  # as package.json has it


async def installed(cache: Path) -> Path:
    """The folder with the program and what it needs, below `cache`: installed unless it is there already."""
    folder = project.place(PROJECT, cache, f"anthropic-node-{VERSION}")
    proof = folder / "node_modules" / "@anthropic-ai" / "sdk"
    return await project.built(PROJECT, folder, proof, ("npm", "ci", "--no-audit"))


async def drive(folder: Path, base_url: str, key: str, calls: str) -> Finished:
    """One run of main.mjs. `base_url` is the gateway's: the client adds /v1."""
    with tempfile.TemporaryDirectory(prefix="anthropic-node-") as home:
        env = {**bare_environment(Path(home)), "ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_API_KEY": key}
        code, output = await run(("node", str(folder / "main.mjs"), calls), env, Path(home))
    return Finished(code, output, f"anthropic-node {VERSION}")
