"""So many requests of the recorded mix to a proxy that runs: `python tests/load_test_sdk.py --port 8765`.

The key is LITELLM_MASTER_KEY. Sends to this machine only. Exit code 1: errors reach the 2 % that users were promised to
stay below; 2: what was asked for cannot be. `locust -f harness/load.py` is the load test proper, with paces and a page.
"""

from __future__ import annotations

import itertools
import queue
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from harness.errors import BadInput
from harness.performance.connection import Connection, Outcome
from harness.performance.ledger import Ledger, Row, Times
from harness.performance.mix import CLIENTS, Call, mix_of
from harness.traffic.scenario_file import read

_PROMISED = 2.0  # % of errors, to be stayed below
_SCENARIOS = Path(__file__).parents[1] / "scenarios"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--num-requests", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--concurrency", type=click.IntRange(1, 500), default=50, show_default=True, help="Calls at once.")
@click.option("--key", envvar="LITELLM_MASTER_KEY", help="The gateway's key; default: $LITELLM_MASTER_KEY.")
def main(port: int, num_requests: int, concurrency: int, key: str | None) -> None:
    """Send NUM_REQUESTS calls of the recorded mix to the proxy on PORT, and say how they went."""
    if not key:
        raise click.UsageError("no key for the gateway: give --key, or set LITELLM_MASTER_KEY")
    calls = list(itertools.islice(itertools.cycle(_recorded()), num_requests))
    row = _sent(f"http://127.0.0.1:{port}", key, calls, concurrency)
    for line in _lines(row):
        click.echo(line)
    sys.exit(100 * row.failed / row.calls >= _PROMISED)


def _recorded() -> list[Call]:
    """Raises click.UsageError where there are no recordings."""
    try:
        mix = mix_of(read(file) for client in CLIENTS for file in sorted((_SCENARIOS / client).glob("*.yaml")))
    except BadInput as error:
        raise click.UsageError(str(error)) from error
    return [*itertools.chain.from_iterable(mix.turns), *mix.fan_out, *mix.counts]


def _sent(url: str, key: str, calls: list[Call], concurrency: int) -> Row:
    """A connection for each thread: a client of its own."""
    ledger, free = Ledger(), queue.SimpleQueue[Connection]()
    for _ in range(concurrency):
        free.put(Connection(url, key))

    def send(call: Call) -> tuple[Call, Outcome]:
        connection = free.get()
        try:
            return call, connection.send(call)
        finally:
            free.put(connection)

    with ThreadPoolExecutor(concurrency) as threads:
        for call, outcome in threads.map(send, calls):
            ledger.add(call.name, call.streams, outcome)
    while not free.empty():
        free.get().close()
    return ledger.together()


def _lines(row: Row) -> list[str]:
    share = 100 * row.failed / row.calls
    reasons = [f"  {count} x {why}" for why, count in row.failures.most_common(5)]
    return [
        f"requests      {row.calls}",
        f"errors        {row.failed} ({share:.2f} %, promised < {_PROMISED:g} %)",
        *reasons,
        f"whole answers {_times(row.total)}",
        f"TTFT          {_times(row.ttft)}",
    ]


def _times(times: Times) -> str:
    """End to end at this client, which shares the machine with the proxy."""
    p50, p95 = times.percentile(0.5), times.percentile(0.95)
    return (
        "none"
        if p50 is None or p95 is None
        else f"p50 {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms ({times.count} measured)"
    )
