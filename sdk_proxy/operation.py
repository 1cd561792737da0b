"""How a proxy is run, as opposed to what it does: its log, its limits, its end, its cookies' place (`store_at`),
whether it warms up before it is ready, and whether calls may take the fast path (`accounts.nobody_reads`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdk_proxy.cookie_store import NOWHERE
from sdk_proxy.draining import Drain
from sdk_proxy.limits import Limits
from sdk_proxy.request_log import LogFormat


@dataclass(frozen=True, slots=True)
class Operation:
    log_format: LogFormat = "json"
    limits: Limits = field(default_factory=Limits)
    drain: Drain = field(default_factory=Drain)
    cookie_jar: str = NOWHERE
    warm_up: bool = False
    fast_path: bool = True
