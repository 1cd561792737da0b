"""What a cutover leaves of the baseline: files, checksums, versions, and two programs that need nothing else."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import shutil
from importlib.metadata import distributions, version
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.provenance import made

_ENTRY = "sdk_proxy.litellm_proxy_with_memory"
_BESIDE = ("start.py", "restore.py", "RESTORE.md")


def make(root: Path, config: Path, place: Path) -> None:
    """An archive that is there is replaced as a whole, but for what restores have replaced. Raises OSError."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".archive-", dir=place.parent) as temporary:
        new = Path(temporary, "new")
        _filled(new, root, config)
        if place.exists():
            if (place / "replaced").is_dir():
                shutil.move(place / "replaced", new / "replaced")
            place.rename(Path(temporary, "old"))
        new.rename(place)


def _filled(new: Path, root: Path, config: Path) -> None:
    for file in closure(root, _ENTRY):
        (new / "baseline" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / file, new / "baseline" / file)
    for name in _BESIDE:
        shutil.copy2(Path(__file__).parent / "archived" / name, new / name)
    versions = {"litellm": version("litellm"), "python": platform.python_version(), "made": made(config, root)}
    (new / "versions.json").write_text(json.dumps(versions, indent=1) + "\n", encoding="utf-8")
    (new / "requirements.txt").write_text(_requirements(), encoding="utf-8")
    files = sorted(file.relative_to(new).as_posix() for file in new.rglob("*") if file.is_file())
    lines = [f"{hashlib.sha256((new / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (new / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def closure(root: Path, module: str) -> list[Path]:
    """The project's own files that a module of it needs, as paths within `root`: itself, and what it imports."""
    found: set[Path] = {Path(module.partition(".")[0], "__init__.py")}
    open_ = [module]
    while open_:
        file = Path(*open_.pop().split(".")).with_suffix(".py")
        if file in found or not (root / file).is_file():
            continue
        found.add(file)
        for node in ast.walk(ast.parse((root / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                open_ += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            elif isinstance(node, ast.Import):
                open_ += [each.name for each in node.names]
    return sorted(found)


def _requirements() -> str:
    """What is installed, but for the project itself. Of a package index it says nothing."""
    pinned = {
        f"{each.metadata['Name']}=={each.version}\n"
        for each in distributions()
        if each.metadata["Name"] not in (None, "gateway-parity")
    }
    return "".join(sorted(pinned, key=str.lower))
