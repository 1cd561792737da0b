"""Which request of a client caused a call of the gateway's: by time and by content. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from harness.model import Exchange, Response

_WORD = re.compile(rb"\w+")


def end(exchange: Exchange) -> float:
    """When its last byte came; never, where it did not come to an end."""
    if not isinstance(exchange.outcome, Response) or exchange.outcome.failure is not None:
        return float("inf")
    return exchange.at + (exchange.outcome.chunks[-1].at if exchange.outcome.chunks else 0.0)


def pair(client: Sequence[Exchange], upstream: Sequence[Exchange]) -> list[list[Exchange]]:
    """For each request of the client the calls that it caused, in their order. A call that began outside of all
    requests is the gateway's own, and belongs to none."""
    pairs: list[list[Exchange]] = [[] for _ in client]
    for call in sorted(upstream, key=lambda exchange: exchange.at):
        if (owner := _owner(client, call)) is not None:
            pairs[owner].append(call)
    return pairs


def _owner(client: Sequence[Exchange], call: Exchange) -> int | None:
    """Among several that were under way: the likest; among equals the last to begin, which waits the longest still."""
    possible = [index for index, one in enumerate(client) if one.at <= call.at <= end(one)]
    words = _words(call)
    return max(possible, key=lambda index: (_likeness(words, _words(client[index])), client[index].at), default=None)


def _words(exchange: Exchange) -> Counter[bytes]:
    return Counter(_WORD.findall(exchange.request.body))


def _likeness(one: Counter[bytes], other: Counter[bytes]) -> float:
    """Dice's coefficient over words: 0 to 1."""
    size = one.total() + other.total()
    return 2 * (one & other).total() / size if size else 0.0
