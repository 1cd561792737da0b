"""Asks a launcher that runs. Nothing is imported here that a rollback would wait for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import Any


class NoLauncher(Exception):
    """None runs that hears."""


def told(place: Path, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a launcher answers, as it comes. Raises `NoLauncher`."""
    with socket(AF_UNIX, SOCK_STREAM) as words:
        try:
            words.connect(str(place))
        except OSError as error:
            raise NoLauncher from error
        words.sendall(json.dumps(asked).encode() + b"\n")
        with words.makefile("rb") as lines:
            for line in lines:
                yield json.loads(line)
