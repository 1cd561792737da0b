"""What a target cost -> what is too much: against the baseline in the same run, with bounds that noise stays within.

Measured on 2 cores: the baseline's two instances differ by up to a tenth in their start, and by up to a third in what a
request leaves behind. Of 860 calls 83 to 102 had a connection of their own (an upstream that cuts leaves none to keep);
9 to 16 descriptors more were open at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.model import Excess, Footprint, Role

START_RATIO, START_MORE = 2.0, 3.0  # times the baseline's, and seconds more
GROWTH_RATIO, GROWTH_MORE = 2.0, 512 * 1024  # times the baseline's, and bytes more for each request
FILES_RATIO, FILES_MORE = 2.0, 32  # times the baseline's, and descriptors more
CONNECTIONS_RATIO, CONNECTIONS_MORE = 2.0, 0.1  # times the baseline's, and connections more for each upstream call
FEWEST = 30  # requests, from which on memory has a growth rate; calls, that say whether connections are used again


def excesses(footprints: Sequence[Footprint]) -> tuple[Excess, ...]:
    """Those of the candidate; none without a baseline to compare it with. A secret in a log is one in any case."""
    baselines = [each for each in footprints if each.role is not Role.CANDIDATE]
    candidates = [each for each in footprints if each.role is Role.CANDIDATE]
    return tuple(found for each in candidates for found in _excesses(each, baselines))


def _excesses(candidate: Footprint, baselines: Sequence[Footprint]) -> Iterator[Excess]:
    for leak in candidate.leaks:
        yield Excess("secrets in logs", f"{leak} is in a log")
    if not baselines:
        return
    start = max(each.start for each in baselines)
    if candidate.start > START_RATIO * start + START_MORE:
        yield Excess("start time", f"{candidate.start:.1f} s until it was ready; the baseline {start:.1f} s")
    growth, theirs = _growth(candidate), _most(baselines)
    if growth is not None and theirs is not None and growth > GROWTH_RATIO * theirs + GROWTH_MORE:
        told = f"{growth / 1024:.0f} KiB for each of {candidate.requests} requests; the baseline {theirs / 1024:.0f}"
        yield Excess("memory", f"grew by {told}")
    yield from _held(candidate, baselines)


def _held(candidate: Footprint, baselines: Sequence[Footprint]) -> Iterator[Excess]:
    """What it keeps of files, and does not keep of connections."""
    files = max(_files(each) for each in baselines)
    if _files(candidate) > FILES_RATIO * files + FILES_MORE:
        told = f"{_files(candidate)} more are open after {candidate.requests} requests; the baseline's {files}"
        yield Excess("descriptors", told)
    opened, usual = _opened(candidate), max((_opened(each) or 0.0 for each in baselines), default=0.0)
    if opened is not None and opened > CONNECTIONS_RATIO * usual + CONNECTIONS_MORE:
        told = f"{candidate.connections} for {candidate.calls} upstream calls; the baseline {usual:.2f} for each"
        yield Excess("upstream connections", told)


def _files(footprint: Footprint) -> int:
    return max(footprint.files_after - footprint.files_before, 0)


def _opened(footprint: Footprint) -> float | None:
    """Connections for each upstream call."""
    return footprint.connections / footprint.calls if footprint.calls >= FEWEST else None


def _growth(footprint: Footprint) -> float | None:
    """Bytes for each request, from a warm process on."""
    if footprint.requests < FEWEST:
        return None
    return max(footprint.rss_after - footprint.rss_before, 0) / footprint.requests


def _most(footprints: Iterable[Footprint]) -> float | None:
    return max((growth for each in footprints if (growth := _growth(each)) is not None), default=None)
