from __future__ import annotations

import re
from pathlib import Path

from harness.clients import openai_java


def test_the_version_is_the_one_that_maven_is_told() -> None:
    pom = (openai_java.PROJECT / "pom.xml").read_text(encoding="utf-8")
    assert re.findall(r"<artifactId>openai-java</artifactId>\s*<version>(.*)</version>", pom) == [openai_java.VERSION]


async def test_what_is_built_already_is_not_built_again(tmp_path: Path) -> None:
    folder = openai_java._place(tmp_path)
    (folder / "target" / "dependency").mkdir(parents=True)
    assert await openai_java.built(tmp_path) == folder
