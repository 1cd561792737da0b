"""The real openai-java, which PyCharm AI Assistant sends through: a small main (openai_java/), built with Maven."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.clients import project
from harness.clients.program import Finished, bare_environment, run

PROJECT = Path(__file__).with_name("openai_java")
VERSION = "4.101.0"  # of com.openai:openai-java, as pom.xml has it


async def built(cache: Path) -> Path:
    """The folder with the compiled main and what it needs, below `cache`: built unless it is there already."""
    folder = _place(cache)
    command = ("mvn", "-q", "-B", "compile", "dependency:copy-dependencies")
    return await project.built(PROJECT, folder, folder / "target" / "dependency", command)


def _place(cache: Path) -> Path:
    return project.place(PROJECT, cache, f"openai-java-{VERSION}")


async def drive(folder: Path, base_url: str, key: str, words: str, arguments: Sequence[str]) -> Finished:
    """One run of Main, which says `words` beside its question; `arguments`: situation, model, more of the body.

    `base_url` is the gateway's: the client asks below its /v1.
    """
    classes = os.pathsep.join((str(folder / "target/classes"), str(folder / "target/dependency/*")))
    with tempfile.TemporaryDirectory(prefix="openai-java-") as home:
        env = {**bare_environment(Path(home)), "OPENAI_BASE_URL": f"{base_url}/v1", "OPENAI_API_KEY": key}
        code, output = await run(("java", "-cp", classes, "Main", words, *arguments), env, Path(home))
    return Finished(code, output, f"openai-java {VERSION}")
