"""Puts the archived baseline back into the project, from this folder alone: nothing of the project is imported.

python restore.py [--into PROJECT]     what it replaces is kept in replaced/
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUMS = "SHA256SUMS"


def main() -> int:
    parser = argparse.ArgumentParser(description="The archived baseline, back in the project.")
    parser.add_argument("--into", type=Path, default=HERE.parents[1], help="The project's folder.")
    into: Path = parser.parse_args().into
    broken = [name for name, told in sums(HERE) if not _is(HERE / name, told)]
    if broken:
        print(f"error: not as they were archived: {', '.join(broken)}; nothing was restored", file=sys.stderr)
        return 2
    changed = restored(HERE, into)
    print(f"{len(changed)} files restored in {into}" + "".join(f"\n  {name}" for name in changed))
    return 0


def sums(archive: Path) -> list[tuple[str, str]]:
    """File, as a path within the archive -> its SHA-256, in the form of sha256sum(1)."""
    lines = (archive / SUMS).read_text(encoding="utf-8").splitlines()
    return [(name, told) for told, _, name in (line.partition("  ") for line in lines)]


def restored(archive: Path, project: Path) -> list[str]:
    """The files that were different, or not there."""
    kept = archive / "replaced" / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    changed = []
    for name, told in sums(archive):
        if not name.startswith("baseline/"):
            continue
        inside = name.removeprefix("baseline/")
        place = project / inside
        if _is(place, told):
            continue
        if place.exists():
            (kept / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place, kept / inside)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(archive / name, place)
        changed.append(inside)
    return changed


def _is(file: Path, told: str) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == told


if __name__ == "__main__":
    sys.exit(main())
