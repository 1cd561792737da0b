"""Where a production port's launcher keeps what must outlive it: its lock, its journal, the way to its programs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from deploy.programs import BadInput

LAUNCHER = "launcher.control"  # not *.sock: those are the programs'


def state_folder(port: int, environ: Mapping[str, str]) -> Path:
    """XDG Base Directory Specification, 0.8: what should outlive a restart, and is of this machine."""
    base = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "run-proxies" / str(port)


@contextmanager
def only_one(state: Path, port: int) -> Iterator[None]:
    """Raises `BadInput` where another launcher has this port. A killed launcher's lock is free."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            who = lock.read().strip() or "?"
            raise BadInput(
                f"a launcher (pid {who}) has port {port} already: stop it, or choose another port"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def sockets_folder(state: Path) -> Path:
    """For Unix sockets, whose paths may have 107 bytes: a short one, only this user's, the same after a restart."""
    known = known_sockets(state)
    if known is None:
        known = Path(mkdtemp(prefix="run-proxies-"))
        (state / "sockets").write_text(str(known), encoding="utf-8")
    return known


def known_sockets(state: Path) -> Path | None:
    """None where there is none, or it is not this user's alone."""
    try:
        folder = Path((state / "sockets").read_text(encoding="utf-8"))
        found = folder.lstat()
    except OSError:
        return None
    is_own = folder.is_dir() and not folder.is_symlink() and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if is_own else None
