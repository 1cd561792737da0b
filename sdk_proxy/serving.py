"""What both proxies check before they listen."""

from __future__ import annotations

import errno
import socket


def refuse_taken_port(host: str, port: int) -> None:
    """Raises OSError, naming the port, where somebody listens there already: uvicorn would say so after its start."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(f"port {port} on {host} {_problem(error)}, or choose another --port or --host") from error


def _problem(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is not free: stop what listens there"
    return f"cannot be listened on ({error.strerror}): allow it"
