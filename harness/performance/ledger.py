"""What a load run measured, call by call, in numbers that several load generators can add up.

Locust's own statistics round (515 ms is 520 there), and a target of 520 ms cannot be judged with that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.performance.connection import Outcome

TENTHS = 10_000  # of a millisecond, in a second: the width of a bin


@dataclass(slots=True)
class Times:
    """A histogram in tenths of a millisecond."""

    bins: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        self.bins[round(seconds * TENTHS)] += 1

    def merge(self, other: Times) -> None:
        self.bins.update(other.bins)

    @property
    def count(self) -> int:
        return self.bins.total()

    def percentile(self, share: float) -> float | None:
        """In seconds; the smallest time that `share` of all are not above (nearest rank). None without any."""
        rank = max(1, -(-round(self.count * share * 1e6) // 1_000_000))
        seen = 0
        for tenths in sorted(self.bins):
            seen += self.bins[tenths]
            if seen >= rank:
                return tenths / TENTHS
        return None


@dataclass(slots=True)
class Row:
    """The calls of one name. `good`: whole, right, and begun within the time that a user was promised."""

    streams: bool = False
    calls: int = 0
    good: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    total: Times = field(default_factory=Times)
    ttft: Times = field(default_factory=Times)
    itl: Times = field(default_factory=Times)

    @property
    def failed(self) -> int:
        return self.failures.total()


@dataclass(slots=True)
class Ledger:
    """`promised`: the time in seconds to the first content of a stream, or to the end of a whole answer."""

    promised: float = 0.52
    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, name: str, streams: bool, outcome: Outcome) -> bool:
        """Whether it was good."""
        row = self.rows.setdefault(name, Row(streams))
        row.calls += 1
        if outcome.failure is not None:
            row.failures[outcome.failure] += 1
            return False
        row.total.add(outcome.total)
        if outcome.ttft is not None and streams:
            row.ttft.add(outcome.ttft)
        for gap in outcome.gaps:
            row.itl.add(gap)
        good = ((outcome.ttft or outcome.total) if streams else outcome.total) <= self.promised
        row.good += good
        return good

    def merge(self, other: Ledger) -> None:
        for name, theirs in other.rows.items():
            mine = self.rows.setdefault(name, Row(theirs.streams))
            mine.calls += theirs.calls
            mine.good += theirs.good
            mine.failures.update(theirs.failures)
            for times in ("total", "ttft", "itl"):
                getattr(mine, times).merge(getattr(theirs, times))

    def together(self) -> Row:
        """All rows as one; `total` of whole answers only, so that it can be held against a promise."""
        one = Ledger(self.promised)
        for row in self.rows.values():
            total = Times() if row.streams else row.total
            one.merge(
                Ledger(self.promised, {"": Row(False, row.calls, row.good, row.failures, total, row.ttft, row.itl)})
            )
        return one.rows.get("", Row())


# --- as JSON


def tree_of(ledger: Ledger) -> dict[str, Any]:
    rows = {name: _row_tree(row) for name, row in sorted(ledger.rows.items())}
    return {"promised": ledger.promised, "rows": rows}


def ledger_of(tree: Mapping[str, Any]) -> Ledger:
    """The inverse of `tree_of`. Raises KeyError, TypeError or ValueError for anything else."""
    return Ledger(float(tree["promised"]), {str(name): _row(row) for name, row in tree["rows"].items()})


def _row_tree(row: Row) -> dict[str, Any]:
    times = {name: sorted(getattr(row, name).bins.items()) for name in ("total", "ttft", "itl")}
    return {"streams": row.streams, "calls": row.calls, "good": row.good, "failures": dict(row.failures), **times}


def _row(tree: Mapping[str, Any]) -> Row:
    times = {name: Times(Counter({int(bin_): int(n) for bin_, n in tree[name]})) for name in ("total", "ttft", "itl")}
    return Row(bool(tree["streams"]), int(tree["calls"]), int(tree["good"]), Counter(tree["failures"]), **times)
