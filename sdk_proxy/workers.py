"""Several processes that serve one port: one that dies is replaced, all end together, their metrics are added up."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from tempfile import TemporaryDirectory
from typing import Any

log = logging.getLogger("sdk_proxy.workers")
METRICS = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it when it is imported
_CANNOT_START = (2, 3)  # exit codes: ours, for a configuration that cannot be used, and uvicorn's


def supervise(work: Callable[[], None], count: int) -> int:
    """The exit code, once all workers have ended. `work` goes to another process: a function, or a partial of one."""
    with TemporaryDirectory(prefix="sdk-proxy-metrics-") as metrics:
        os.environ[METRICS] = metrics
        return _Workers(work, metrics).run(count)


class _Workers:
    def __init__(self, work: Callable[[], None], metrics: str) -> None:
        self._work = work
        self._metrics = metrics
        self._running: list[SpawnProcess] = []
        self._ending = False
        self._exit_code = 0

    def run(self, count: int) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        for _ in range(count):
            self._start()
        while self._running:
            ended = wait([worker.sentinel for worker in self._running])
            for worker in [worker for worker in self._running if worker.sentinel in ended]:
                self._replace(worker)
        return self._exit_code

    def _start(self) -> None:
        worker = multiprocessing.get_context("spawn").Process(target=_until_parent_ends, args=(self._work,))
        worker.start()
        self._running.append(worker)
        if self._ending:
            worker.terminate()

    def _end(self, *_: Any) -> None:
        """They drain; a second signal ends them at once."""
        self._ending = True
        for worker in self._running:
            worker.terminate()

    def _replace(self, worker: SpawnProcess) -> None:
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - it reads METRICS

        worker.join()
        self._running.remove(worker)
        # What it had in flight; what it counted stays.
        mark_process_dead(worker.pid, self._metrics)  # type: ignore[no-untyped-call]
        if self._ending:
            return
        if worker.exitcode in _CANNOT_START:
            self._exit_code = worker.exitcode
            self._end()
        else:
            log.warning("worker %s ended with exit code %s: another one is started", worker.pid, worker.exitcode)
            self._start()


def _until_parent_ends(work: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent passes it on
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
