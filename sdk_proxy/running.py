"""One process that serves, or several under a supervisor.

LiteLLM is imported late, for it takes seconds: a mistake on the command line is told before. Not in __main__, whose
functions a worker, which is a new process, cannot find.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

import click
import uvicorn

from sdk_proxy import workers
from sdk_proxy.connection_limits import BoundedProtocol
from sdk_proxy.draining import Drain, DrainingServer
from sdk_proxy.lean_imports import lean_imports
from sdk_proxy.limits import Limits
from sdk_proxy.operation import Operation
from sdk_proxy.request_log import LogFormat, to_stdout
from sdk_proxy.schema import Config

# Python's are 700, 10, 10. The young objects of a hundred streams are alive and looked through in vain; what LiteLLM's
# translated streams leave is old when it is garbage: bursts of a hundred of each kind end at 267 MB, and not at 293.
_GARBAGE = (2000, 3, 3)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says, in a form that goes to another process."""

    config: Path
    host: str
    port: int
    log_format: LogFormat
    drain_seconds: float
    max_body_mb: float
    max_in_flight: int
    cookie_jar: str = field(repr=False)  # the URL of a Redis may hold a password
    warm_up: bool
    fast_path: bool


def serve(config: Config, options: Options, sockets: list[socket] | None = None) -> None:
    faulthandler.enable()  # the event loop and the parsers are C: whoever dies in them says where
    drain = Drain(options.drain_seconds)
    limits = Limits(body_bytes=int(options.max_body_mb * 1024 * 1024), in_flight=options.max_in_flight)
    try:
        place, warms, fast = options.cookie_jar, options.warm_up, options.fast_path
        app = _app(config, Operation(options.log_format, limits, drain, place, warms, fast))
    except Exception as error:  # noqa: BLE001 - whatever LiteLLM's Router has against its settings
        click.echo(f"error: LiteLLM does not take this configuration: {type(error).__name__}: {error}", err=True)
        sys.exit(2)
    quiet: dict[str, Any] = {"date_header": False, "server_header": False, "access_log": False, "log_level": "warning"}
    quiet["log_config"] = None  # uvicorn's log is the process's (`to_stdout`)
    http: Any = partial(BoundedProtocol, limits)
    # What is cut at the end of the draining time gets no second one.
    served = uvicorn.Config(app, options.host, options.port, http=http, timeout_graceful_shutdown=1, **quiet)
    DrainingServer(served, drain).run(sockets)


def _app(config: Config, operation: Operation) -> Any:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # the prices it came with: a start needs no network
    to_stdout()
    with lean_imports():
        from litellm import utils  # noqa: PLC0415 - see above

        utils.json_data = None  # what the file of a tokenizer says, in 15 MB: nothing but its text is used
        from sdk_proxy.litellm_proxy_sdk import create_app  # noqa: PLC0415 - see above
        from sdk_proxy.warm_up import import_the_rest  # noqa: PLC0415 - see above

        app = create_app(config, operation)
        import_the_rest()
    gc.collect()
    gc.freeze()  # LiteLLM's million objects stay; to look through them again would stop every stream for 0.3 s
    gc.set_threshold(*_GARBAGE)
    return app


def supervise(config: Config, options: Options, count: int) -> None:
    # Bound, but not listened on: until a worker serves, a client is refused, as it is with one process.
    port = uvicorn.Config("", host=options.host, port=options.port, log_level="warning").bind_socket()
    # One that replaces another serves what the others do, whatever is in the file by then.
    sys.exit(workers.supervise(partial(serve, config, options, [port]), count))
