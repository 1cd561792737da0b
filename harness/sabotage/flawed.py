"""A hop as a program of its own: put before a gateway, both together are a gateway that has a flaw of its process.

python -m harness.sabotage.flawed --port N --to URL --upstream URL [--slow SECONDS] [--leak BYTES] [--log] [--hold]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from harness.model import Request
from harness.sabotage.hop import Hop
from harness.sabotage.mutation import Mutation


def flaw(leak: int, upstream: tuple[str, int], *, log: bool, hold: bool) -> Mutation:
    """With each request `leak` bytes are kept for ever, with `hold` a file as well; with `log` its headers are printed,
    keys and all. And each opens a connection to the `upstream`, as one does that keeps none for the next."""
    kept: list[Any] = []

    def ask(request: Request) -> Request:
        kept.append(b"x" * leak)
        socket.create_connection(upstream).close()
        if hold:
            kept.append(os.open(os.devnull, os.O_RDONLY))
        if log:
            print(request.method, request.path, dict(request.headers), flush=True)
        return request

    return Mutation(request=ask)


async def serve(port: int, to_url: str, mutation: Mutation) -> None:
    async with Hop(to_url, {}, port) as hop:
        hop.mutation = mutation
        await asyncio.Event().wait()


def main() -> None:
    options = _options()
    time.sleep(options.slow)
    upstream = urlsplit(options.upstream)
    place = (upstream.hostname or "127.0.0.1", upstream.port or 80)
    flawed = flaw(options.leak, place, log=options.log, hold=options.hold)
    asyncio.run(serve(options.port, options.to, flawed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="harness.sabotage.flawed")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--leak", type=int, default=0)
    parser.add_argument("--log", action="store_true")
    parser.add_argument("--hold", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
