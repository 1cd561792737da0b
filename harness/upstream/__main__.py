"""python -m harness.upstream: the simulated provider alone, for load and for a first try of a gateway."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import click
import uvloop

from harness.errors import PortTaken
from harness.upstream.paced import COUNTS, Pace, PacedUpstream


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8766, show_default=True, help="0: any free one.")
@click.option("--first-byte", type=click.FloatRange(0), default=0.3, show_default=True, help="Seconds to the answer.")
@click.option(
    "--between", type=click.FloatRange(0), default=0.02, show_default=True, help="Seconds between two events."
)
@click.option("--events", type=click.IntRange(1, 10_000), default=60, show_default=True, help="With content, a stream.")
def main(port: int, first_byte: float, between: float, events: int) -> None:
    """Answer any call of the OpenAI, Anthropic and Gemini protocols at a set pace, until Ctrl-C."""
    try:
        uvloop.run(_serve(PacedUpstream(port, Pace(first_byte, between, events))))
    except PortTaken as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)


async def _serve(upstream: PacedUpstream) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    gc.freeze()  # a collection in the middle of a thousand streams would be seen as the gateway's delay
    async with upstream:
        click.echo(f"the simulated upstream answers at {upstream.url}; its counts: GET {COUNTS}")
        await stopped.wait()


if __name__ == "__main__":
    main()
