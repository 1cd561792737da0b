"""What the processes of a target use: memory, processor, files, threads, of whole trees (psutil)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import linear_regression
from time import monotonic

import psutil


@dataclass(frozen=True, slots=True)
class Sample:
    """`at`: seconds of a monotonic clock. `rss`: bytes. `cpu`: seconds of user and system time since the start."""

    at: float
    rss: int
    cpu: float
    files: int
    threads: int
    processes: int


def sample(pids: Iterable[int]) -> Sample:
    """Now; a process that ends meanwhile counts no more, and none counts twice."""
    processes = {process.pid: process for process in _trees(pids)}
    told = [one for one in map(_told, processes.values()) if one is not None]
    rss, cpu, files, threads = (sum(column) for column in zip(*told, strict=True)) if told else (0, 0.0, 0, 0)
    return Sample(monotonic(), int(rss), float(cpu), int(files), int(threads), len(told))


def _trees(pids: Iterable[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        try:
            process = psutil.Process(pid)
            yield process
            yield from process.children(recursive=True)
        except psutil.NoSuchProcess:
            continue


def _told(process: psutil.Process) -> tuple[int, float, int, int] | None:
    try:
        with process.oneshot():
            times = process.cpu_times()
            # Children that have ended are in their parent's account only.
            spent = times.user + times.system + times.children_user + times.children_system
            return process.memory_info().rss, spent, process.num_fds(), process.num_threads()
    except psutil.Error:
        return None


@asynccontextmanager
async def sampling(pids: Sequence[int], interval: float = 0.5) -> AsyncIterator[list[Sample]]:
    """Within the block the list grows by a sample each `interval` seconds; the first and the last are at its ends."""
    samples = [sample(pids)]

    async def go_on() -> None:
        while True:
            await asyncio.sleep(interval)
            samples.append(sample(pids))

    task = asyncio.create_task(go_on())
    try:
        yield samples
    finally:
        task.cancel()
        samples.append(sample(pids))


def cpu_of(samples: Sequence[Sample]) -> float:
    """Seconds of processor between the first and the last."""
    return samples[-1].cpu - samples[0].cpu


def highest_rss(samples: Iterable[Sample]) -> int:
    return max(each.rss for each in samples)


def growth(samples: Sequence[Sample]) -> float | None:
    """Bytes a minute, by least squares; None for less than ten seconds, in which nothing can be said about it."""
    if len(samples) < 3 or samples[-1].at - samples[0].at < 10:
        return None
    slope, _ = linear_regression([each.at for each in samples], [float(each.rss) for each in samples])
    return slope * 60


def machine_cpu() -> float:
    """Seconds that the whole machine has been busy: what nobody of ours used is somebody else's load."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
