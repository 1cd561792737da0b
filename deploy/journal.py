"""Every change of who answers on the production port: one line of JSON each, never changed, only added to."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.programs import BadInput, Primary

FILE = "journal.ndjson"
DECISIONS = ("cutover", "rollback", "route")  # what holds for the next start, too


def who() -> str:
    """user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


@dataclass(frozen=True, slots=True)
class Change:
    """`what`: cutover, rollback, failover, failback, start, route. `verdict`: what the gate had said, and of what; None
    where nobody asked it. `routes`: those that hold from then on. `at`: ISO 8601, UTC."""

    what: str
    by: str
    origin: Primary
    to: Primary
    reason: str
    verdict: Mapping[str, Any] | None = None
    routes: tuple[str, ...] = ()
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


class Journal:
    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    def add(self, change: Change) -> None:
        """On the disk when this returns. Raises OSError: then the change must not be made."""
        tree = asdict(change)
        tree = {
            "at": tree.pop("at"),
            "what": tree.pop("what"),
            "by": tree.pop("by"),
            "from": tree.pop("origin"),
            **tree,
        }
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.file.open("a+b") as out:
            out.write(_line_end(out) + json.dumps(tree, ensure_ascii=False).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())

    def changes(self) -> list[dict[str, Any]]:
        """Raises `BadInput` for a line that is none; one that was cut in the middle of its writing is the last's."""
        if not self.file.is_file():
            return []
        lines = self.file.read_text(encoding="utf-8", errors="replace").splitlines()
        found = [_read(line) for line in lines]
        for number, tree in enumerate(found[:-1], 1):
            if tree is None and found[number] is None:
                raise BadInput(f"{self.file}, line {number}: not what the launcher writes; take the line out")
        return [tree for tree in found if tree is not None]

    def primary(self) -> Primary:
        """Who it was last; the binary proxy, where nothing was ever changed."""
        last = self._decided()
        return "sdk" if last is not None and last["to"] == "sdk" else "binary"

    def routes(self) -> tuple[str, ...]:
        """Those that were last; a cutover or a rollback ends them."""
        last = self._decided()
        return tuple(last.get("routes", ())) if last is not None else ()

    def _decided(self) -> dict[str, Any] | None:
        return next((tree for tree in reversed(self.changes()) if tree["what"] in DECISIONS), None)


def _read(line: str) -> dict[str, Any] | None:
    try:
        tree = json.loads(line)
    except ValueError:
        return None
    return tree if isinstance(tree, dict) and {"what", "to"} <= tree.keys() else None


def _line_end(out: Any) -> bytes:
    """What was cut in the middle keeps a line of its own."""
    if out.seek(0, os.SEEK_END) == 0:
        return b""
    out.seek(-1, os.SEEK_END)
    return b"" if out.read(1) == b"\n" else b"\n"
