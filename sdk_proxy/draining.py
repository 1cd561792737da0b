"""The end of the proxy: SIGTERM ends nothing that is being answered, for as long as it was told to wait."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sdk_proxy.request_record import Record

log = logging.getLogger("sdk_proxy.draining")


@dataclass(slots=True)
class Drain:
    """`open`: what is being answered; `began` is when SIGTERM came, in seconds of the monotonic clock."""

    seconds: float = 30.0
    open: set[Record] = field(default_factory=set)
    began: float | None = None

    def is_over(self, now: float, connections: Iterable[asyncio.Transport]) -> bool:
        """An answer that is given, and that its client has yet to read, is waited for as well."""
        if self.began is None or now - self.began >= self.seconds:
            return self.began is not None
        return not self.open and not any(each.get_write_buffer_size() for each in connections)


class DrainingServer(uvicorn.Server):
    """It listens on while it drains, so that /health/readiness can say so; a second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self._drain.began is None:
            self._captured_signals.append(sig)
            self._drain.began = monotonic()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        connections = [each for each in self.server_state.connections if isinstance(each, HttpToolsProtocol)]
        for connection in connections if self._drain.began is not None else ():
            if connection.cycle is not None:
                connection.cycle.keep_alive = False  # or its client would send the next request to nobody
        if not self._drain.is_over(monotonic(), [each.transport for each in connections]):
            return await super().on_tick(counter)
        for record in self._drain.open:
            log.warning("%s", cut(record, monotonic()))
        for connection in connections:
            connection.transport.abort()  # as if the client had left: its call is cancelled
        return True


def cut(record: Record, now: float) -> str:
    return f"cut after {now - record.started:.1f} s: request {record.id} to {record.route} of {record.client}"
