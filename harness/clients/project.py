"""A client's own small project beside its module: put below the cache under a name that changes with its content."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.clients.program import install

_BUILT = frozenset({"target", "node_modules", "__pycache__"})


def place(project: Path, cache: Path, name: str) -> Path:
    """Named by the version and by the project's content: a changed one is built anew."""
    files = sorted(path for path in project.rglob("*") if path.is_file() and not _BUILT & set(path.parts))
    content = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    return cache.absolute() / f"{name}-{content[:12]}"


async def built(project: Path, folder: Path, proof: Path, *commands: Sequence[str]) -> Path:
    """The project's copy in `folder`, with what the commands put there, unless `proof` is there already."""
    if not proof.exists():  # noqa: ASYNC240 - a look, before minutes of work
        shutil.copytree(project, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_BUILT))
        for command in commands:
            await install(command, folder)
    return folder
