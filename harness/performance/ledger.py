"""What a load run measured, call by call, in numbers that several load generators can add up.

Locust's own statistics round (515 ms is 520 there), and a target of 520 ms cannot be judged with that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
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
class Moment:
    """One second: who was there, and the calls that ended in it. `whole`: the times of answers that are no streams."""

    users: int = 0
    in_flight: int = 0
    calls: int = 0
    failed: int = 0
    good: int = 0
    ttft: Times = field(default_factory=Times)
    whole: Times = field(default_factory=Times)

    def merge(self, other: Moment) -> None:
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.ttft.merge(other.ttft)
        self.whole.merge(other.whole)


_COUNTED = ("users", "in_flight", "calls", "failed", "good")


@dataclass(slots=True)
class Ledger:
    """`promised`: the time in seconds to the first content of a stream, or to the end of a whole answer. `moments`: by
    the second since the start. `lag`: how late the load generator itself was, whenever it looked. `lost`: workers of
    Locust that went away in the middle, with what they had measured since their last word."""

    promised: float = 0.52
    rows: dict[str, Row] = field(default_factory=dict)
    moments: dict[int, Moment] = field(default_factory=dict)
    lag: Times = field(default_factory=Times)
    lost: int = 0

    def clear(self) -> None:
        self.rows.clear()
        self.moments.clear()
        self.lag, self.lost = Times(), 0

    def note(self, second: int, users: int, in_flight: int) -> None:
        """Who is there: once a second."""
        moment = self.moments.setdefault(second, Moment())
        moment.users, moment.in_flight = users, in_flight

    def add(self, name: str, streams: bool, outcome: Outcome, second: int = 0) -> bool:
        """Whether it was good."""
        row = self.rows.setdefault(name, Row(streams))
        moment = self.moments.setdefault(second, Moment())
        row.calls += 1
        moment.calls += 1
        if outcome.failure is not None:
            row.failures[outcome.failure] += 1
            moment.failed += 1
            return False
        row.total.add(outcome.total)
        if not streams:
            moment.whole.add(outcome.total)
        elif outcome.ttft is not None:
            row.ttft.add(outcome.ttft)
            moment.ttft.add(outcome.ttft)
        for gap in outcome.gaps:
            row.itl.add(gap)
        good = ((outcome.ttft or outcome.total) if streams else outcome.total) <= self.promised
        row.good += good
        moment.good += good
        return good

    def merge(self, other: Ledger) -> None:
        self.lag.merge(other.lag)
        self.lost += other.lost
        for second, moment in other.moments.items():
            self.moments.setdefault(second, Moment()).merge(moment)
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
    moments = {str(second): _moment_tree(moment) for second, moment in sorted(ledger.moments.items())}
    lag = _bins(ledger.lag)
    return {"promised": ledger.promised, "rows": rows, "moments": moments, "lag": lag, "lost": ledger.lost}


def ledger_of(tree: Mapping[str, Any]) -> Ledger:
    """The inverse of `tree_of`. Raises KeyError, TypeError or ValueError for anything else."""
    rows = {str(name): _row(row) for name, row in tree["rows"].items()}
    moments = {int(second): _moment(moment) for second, moment in tree["moments"].items()}
    return Ledger(float(tree["promised"]), rows, moments, _times(tree["lag"]), int(tree["lost"]))


def _row_tree(row: Row) -> dict[str, Any]:
    times = {name: _bins(getattr(row, name)) for name in ("total", "ttft", "itl")}
    return {"streams": row.streams, "calls": row.calls, "good": row.good, "failures": dict(row.failures), **times}


def _row(tree: Mapping[str, Any]) -> Row:
    times = {name: _times(tree[name]) for name in ("total", "ttft", "itl")}
    return Row(bool(tree["streams"]), int(tree["calls"]), int(tree["good"]), Counter(tree["failures"]), **times)


def _moment_tree(moment: Moment) -> dict[str, Any]:
    counts = {name: getattr(moment, name) for name in _COUNTED}
    return {**counts, "ttft": _bins(moment.ttft), "whole": _bins(moment.whole)}


def _moment(tree: Mapping[str, Any]) -> Moment:
    counts = {name: int(tree[name]) for name in _COUNTED}
    return Moment(**counts, ttft=_times(tree["ttft"]), whole=_times(tree["whole"]))


def _bins(times: Times) -> list[tuple[int, int]]:
    return sorted(times.bins.items())


def _times(bins: Iterable[tuple[int, int]]) -> Times:
    return Times(Counter({int(bin_): int(count) for bin_, count in bins}))
