"""Work that falls into parts, on all cores: this process does its share, forks of it do the others'."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeVar

from harness.errors import HarnessError

Part = TypeVar("Part")
Result = TypeVar("Result")


def spread(work: Callable[[Part], Result], parts: Sequence[Part], cores: int) -> list[Result]:
    """The parts' results, in order. A fork has all that this process has read, and hands back its results at the end.

    Where there are threads, nothing is forked. Raises what `work` raises, and `HarnessError` if a fork was killed.
    """
    cores = min(cores, len(parts))
    if cores < 2 or threading.active_count() > 1:
        return [work(part) for part in parts]
    gc.freeze()  # what is there already is looked at by no collection: neither time nor copied pages for it
    forks = [_forked(work, parts[core::cores]) for core in range(1, cores)]
    try:
        own = [work(part) for part in parts[::cores]]
        shares = [own, *(_results(process, connection) for process, connection in forks)]
    finally:
        for process, _ in forks:
            process.kill()
            process.join()
        gc.unfreeze()
    return [shares[number % cores][number // cores] for number in range(len(parts))]


def _forked(work: Callable[[Part], Result], parts: Sequence[Part]) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_share, args=(work, parts, there), daemon=True)
    process.start()
    there.close()
    return process, here


def _share(work: Callable[[Part], Result], parts: Sequence[Part], there: Connection) -> None:
    """In the fork. It is the parent's to be told to stop, and to stop this."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    outcome: list[Result] | HarnessError
    try:
        outcome = [work(part) for part in parts]
    except HarnessError as error:
        outcome = error
    with suppress(BrokenPipeError):
        there.send(outcome)


def _results(process: BaseProcess, connection: Connection) -> list[Result]:
    try:
        outcome = connection.recv()
    except EOFError as error:
        process.join()
        raise HarnessError(f"a process that did a share of the work ended with {process.exitcode}") from error
    if isinstance(outcome, HarnessError):
        raise outcome
    results: list[Result] = outcome
    return results
