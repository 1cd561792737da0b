"""Work that falls into parts, on all cores: this process does its share, forks of it do the others'."""

from __future__ import annotations

import fcntl
import gc
import multiprocessing
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from harness.errors import HarnessError

_ROOM = 1 << 20  # bytes of results that nobody has taken yet
Part = TypeVar("Part")
Result = TypeVar("Result")


def spread(work: Callable[[Part], Result], parts: Sequence[Part], cores: int) -> list[Result]:
    """The parts' results, in order. A fork has all that this process has read.

    Where there are threads, nothing is forked. Raises what `work` raises, and `HarnessError` if a fork was killed.
    """
    cores = min(cores, len(parts))
    if cores < 2 or threading.active_count() > 1:
        return [work(part) for part in parts]
    gc.freeze()  # what is there already is looked at by no collection: neither time nor copied pages for it
    shares = [parts[core::cores] for core in range(cores)]
    results: list[list[Result]] = [[] for _ in shares]
    forks = [_forked(work, share) for share in shares[1:]]
    try:
        for part in shares[0]:
            results[0].append(work(part))
            for fork, share, taken in zip(forks, shares[1:], results[1:], strict=True):
                while len(taken) < len(share) and fork[1].poll():
                    taken.append(_result(*fork))
        for fork, share, taken in zip(forks, shares[1:], results[1:], strict=True):
            taken += [_result(*fork) for _ in share[len(taken) :]]
    finally:
        for process, _ in forks:
            process.kill()
            process.join()
        gc.unfreeze()
    return [results[number % cores][number // cores] for number in range(len(parts))]


def _forked(work: Callable[[Part], Result], parts: Sequence[Part]) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_share, args=(work, parts, there), daemon=True)
    process.start()
    there.close()
    with suppress(OSError):  # as much as this user may have: the fork need not wait until its last part is taken
        fcntl.fcntl(here.fileno(), fcntl.F_SETPIPE_SZ, _ROOM)
    return process, here


def _share(work: Callable[[Part], Result], parts: Sequence[Part], there: Connection) -> None:
    """In the fork. It is the parent's to be told to stop, and to stop this."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(BrokenPipeError):
        try:
            for part in parts:
                there.send(work(part))
        except HarnessError as error:
            there.send(error)


def _result(process: BaseProcess, connection: Connection) -> Any:
    try:
        outcome = connection.recv()
    except EOFError as error:
        process.join()
        raise HarnessError(f"a process that did a share of the work ended with {process.exitcode}") from error
    if isinstance(outcome, HarnessError):
        raise outcome
    return outcome
