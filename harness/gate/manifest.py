"""The checksums of what must not be touched: a file as `sha256sum -c` reads it, with the reason of its last change."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.errors import BadInput


def changed(manifest: Path) -> list[str]:
    """What is not as the manifest has it, a sentence each. Raises `BadInput` where that cannot be said."""
    entries = _entries(manifest)
    if not entries:
        raise BadInput("names no file: write it with `python -m harness untouched --reason ...`", manifest)
    return [said for file, checksum in entries.items() if (said := _said(file, checksum))]


def write(manifest: Path, files: tuple[Path, ...], reason: str, day: str) -> None:
    """Raises `BadInput` for a file that is not there."""
    rows = [f"{_checksum_of(file)}  {file.as_posix()}" for file in files]
    head = ["# What the cutover must not touch: `sha256sum -c` reads it.", f"# {day}: {' '.join(reason.split())}"]
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text("\n".join([*head, *rows, ""]), encoding="utf-8")


def _entries(manifest: Path) -> dict[Path, str]:
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        told = f"cannot be read ({error.strerror}): write it with `python -m harness untouched --reason ...`"
        raise BadInput(told, manifest) from error
    return dict(_entry(manifest, number, line) for number, line in enumerate(lines, 1) if line and line[0] != "#")


def _entry(manifest: Path, number: int, line: str) -> tuple[Path, str]:
    checksum, _, name = line.partition("  ")
    if len(checksum) != 64 or not name:
        raise BadInput("is not '<sha256>  <file>'", manifest, number)
    return Path(name), checksum


def _said(file: Path, checksum: str) -> str:
    if not file.exists():
        return f"{file} is gone"
    return "" if _checksum_of(file) == checksum else f"{file} has changed"


def _checksum_of(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", file) from error
