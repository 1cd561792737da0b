"""The real openai-java, which PyCharm AI Assistant sends through: a small main (openai_java/), built with Maven."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from harness.clients.program import Finished, bare_environment, install, run

PROJECT = Path(__file__).with_name("openai_java")
VERSION = "4.101.0"  # of com.openai:openai-java, as pom.xml has it


async def built(cache: Path) -> Path:
    """The folder with the compiled main and what it needs, below `cache`: built unless it is there already."""
    folder = _place(cache)
    if not (folder / "target" / "dependency").is_dir():
        shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
        await install(("mvn", "-q", "-B", "compile", "dependency:copy-dependencies"), folder)
    return folder


def _place(cache: Path) -> Path:
    """Named by the version and by the project's content: a changed main is built anew."""
    files = sorted(path for path in PROJECT.rglob("*") if path.is_file() and "target" not in path.parts)
    content = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    return cache.absolute() / f"openai-java-{VERSION}-{content[:12]}"


async def drive(project: Path, base_url: str, key: str, situation: str, model: str) -> Finished:
    """One run of Main. `base_url` is the gateway's: the client asks below its /v1."""
    classes = os.pathsep.join((str(project / "target/classes"), str(project / "target/dependency/*")))
    with tempfile.TemporaryDirectory(prefix="openai-java-") as home:
        env = {**bare_environment(Path(home)), "OPENAI_BASE_URL": f"{base_url}/v1", "OPENAI_API_KEY": key}
        code, output = await run(("java", "-cp", classes, "Main", situation, model), env, Path(home))
    return Finished(code, output, f"openai-java {VERSION}")
