"""A hop as a program of its own: put before a gateway, both together are a gateway that has a flaw of its process.

python -m harness.sabotage.flawed --port N --to URL [--slow SECONDS] [--leak BYTES] [--log]
"""

from __future__ import annotations

import argparse
import asyncio
import time

from harness.model import Request
from harness.sabotage.hop import Hop
from harness.sabotage.mutation import Mutation


def flaw(leak: int, *, log: bool) -> Mutation:
    """With each request `leak` bytes are kept for ever; with `log` its headers are printed, keys and all."""
    kept: list[bytes] = []

    def ask(request: Request) -> Request:
        kept.append(b"x" * leak)
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
    asyncio.run(serve(options.port, options.to, flaw(options.leak, log=options.log)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="harness.sabotage.flawed")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--leak", type=int, default=0)
    parser.add_argument("--log", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
