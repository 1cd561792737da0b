"""The order of keys, in what is equal but for it: header names and JSON objects, as they were on the wire.

Neither order has a meaning of its own (RFC 9110, section 5.3; RFC 8259, section 4), and both are seen: bot protection
tells clients apart by the order of their headers, and a model reads a tool's schema as the text that it is, which is
also what a prompt cache compares.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison.align import align
from harness.comparison.compare import pointer
from harness.model import Difference, Json


def orders(baseline: Json, candidate: Json) -> tuple[Difference, ...]:
    """For each object the keys that both have, where they come in another order."""
    return tuple(_orders(baseline, candidate, ()))


def _orders(one: Json, other: Json, path: tuple[object, ...]) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = [*one], [*other]
        if left != right:
            left, right = [key for key in one if key in other], [key for key in other if key in one]
            if left != right:
                yield Difference(pointer(path), [*left], [*right], order=True)
        for key in left:
            if isinstance(one[key], dict | list) and one[key] is not other[key]:
                yield from _orders(one[key], other[key], (*path, key))
    elif isinstance(one, list) and isinstance(other, list):
        for i, j in (
            align(one, other) if len(one) != len(other) else zip(range(len(one)), range(len(other)), strict=True)
        ):
            if i is not None and j is not None and one[i] is not other[j]:
                yield from _orders(one[i], other[j], (*path, i))
