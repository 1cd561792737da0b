"""Which request of a client caused a call of the gateway's: by time and by content. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from harness.model import Exchange, Response

_WORD = re.compile(rb"\w+")


def end(exchange: Exchange) -> float | None:
    """When its last byte came; None where none ever did."""
    if not isinstance(exchange.outcome, Response):
        return None
    return exchange.at + (exchange.outcome.chunks[-1].at if exchange.outcome.chunks else 0.0)


def pair(client: Sequence[Exchange], upstream: Sequence[Exchange]) -> list[list[Exchange]]:
    """For each request of the client the calls that it caused, in their order. A call that began outside of all
    requests is the gateway's own, and belongs to none."""
    pairs: list[list[Exchange]] = [[] for _ in client]
    for call in sorted(upstream, key=lambda exchange: exchange.at):
        possible = [index for index, one in enumerate(client) if _under_way(one, call.at)]
        if possible:
            pairs[min(possible, key=_rank(client, pairs, call))].append(call)
    return pairs


def _under_way(exchange: Exchange, at: float) -> bool:
    ended = end(exchange)
    return exchange.at <= at and (ended is None or at <= ended)


def _rank(
    client: Sequence[Exchange], pairs: Sequence[Sequence[Exchange]], call: Exchange
) -> Callable[[int], tuple[float, int]]:
    """The likest comes first; equal ones (clients do send the same request twice at once) take turns."""
    words = _words(call)
    return lambda index: (-_likeness(words, _words(client[index])), len(pairs[index]))


def _words(exchange: Exchange) -> Counter[bytes]:
    return Counter(_WORD.findall(exchange.request.body))


def _likeness(one: Counter[bytes], other: Counter[bytes]) -> float:
    """Dice's coefficient over words: 0 to 1."""
    size = one.total() + other.total()
    return 2 * (one & other).total() / size if size else 0.0
