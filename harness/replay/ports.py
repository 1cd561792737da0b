"""Ports of this machine: a free one, and who has one that is not free."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path

from harness.errors import PortTaken

_BELOW_EPHEMERAL = range(20000, 32768)
_LISTEN = "0A"  # the state's number in /proc/net/tcp (proc_pid_net(5))


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that no socket has now, below those that the system gives to outgoing connections by itself
    (ip(7), ip_local_port_range: from 32768): one of these could be taken again before a program listens on it."""
    for port in (*random.sample(_BELOW_EPHEMERAL, 100), 0):
        with socket.socket() as sock, suppress(OSError):
            sock.bind((host, port))
            return int(sock.getsockname()[1])
    raise OSError(f"no port is free on {host}")


def require_free(port: int, host: str = "127.0.0.1") -> None:
    """Raises `PortTaken` if somebody listens there already."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger do not hold a port
        try:
            sock.bind((host, port))
        except OSError as error:
            raise PortTaken(port, owner_of(port)) from error


def owner_of(port: int) -> str:
    """The program that listens there, as far as Linux tells us: "python3 (pid 4711)"."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in Path("/proc").glob("[0-9]*"):
        if sockets & _open_files(process):
            return f"{_name(process)} (pid {process.name})"
    return "another program"


def _listening(port: int) -> list[str]:
    """The inodes of the sockets that listen on that port."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return [row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port]


def _open_files(process: Path) -> set[str]:
    """What it has open; files that it closes meanwhile are not, and those of other users cannot be read."""
    links: set[str] = set()
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(FileNotFoundError):
                links.add(str(link.readlink()))
    return links


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a program"
