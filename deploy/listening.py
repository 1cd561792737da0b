"""The sockets that the launcher owns, and who has a port that it does not get."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import suppress
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket

import psutil

from deploy.programs import LOOPBACK, BadInput


def bound(name: str, host: str, port: int) -> socket:
    """Bound, but not listened on: until a program takes it, a client is refused at once, and waits for nothing.

    Raises `BadInput`, which says who has the port.
    """
    listener = socket(AF_INET6 if ":" in host else AF_INET, SOCK_STREAM)
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadInput(_refused(name, host, port, error)) from error
    return listener


def private() -> socket:
    """On this machine only, at a port that nobody else has."""
    return bound("", LOOPBACK, 0)


def port_of(sockets: Mapping[str, socket], name: str) -> int:
    return int(sockets[name].getsockname()[1])


def owner_of(port: int) -> str:
    """Who listens there: "python3 (pid 4711)"; empty where nobody does."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            with suppress(psutil.Error):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            return "a program of another user"
    return ""


def _refused(name: str, host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        owner = owner_of(port) or "a program that does not show itself"
        return f"{name} needs port {port}, where {owner} listens: stop that, or choose another port"
    return f"{name} cannot listen on {host} port {port}: {error.strerror}"
