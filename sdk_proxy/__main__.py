"""python -m sdk_proxy --config config/config.yaml --host 127.0.0.1 --port 8765"""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click
import uvicorn
from uvicorn.supervisors import Multiprocess

from sdk_proxy.schema import Config, ConfigError, load_config, warnings
from sdk_proxy.serving import refuse_taken_port


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says, in a form that goes to another process."""

    config: Path
    host: str
    port: int
    log_format: Literal["json", "text"]
    drain_seconds: float
    max_body_mb: float


@click.command()
@click.option("--config", type=click.Path(path_type=Path), default=Path("config/config.yaml"), envvar="CONFIG_PATH")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8765, show_default=True, envvar="PROXY_PORT")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Each has metrics of its own.")
@click.option("--log-format", type=click.Choice(["json", "text"]), default="json", show_default=True)
@click.option("--drain-seconds", type=click.FloatRange(0), default=30.0, show_default=True)
@click.option("--max-body-mb", type=click.FloatRange(0, min_open=True), default=64.0, show_default=True)
def main(workers: int, **options: Any) -> None:
    """Serve the SDK proxy. Exit code 2: the configuration, the environment or the port is not usable."""
    chosen = Options(**options)
    loaded = _checked(chosen.config, chosen.host, chosen.port)
    if workers == 1:
        _serve(loaded, chosen)
    else:
        _supervise(chosen, workers)


def _checked(file: Path, host: str, port: int) -> Config:
    """Before LiteLLM is imported, which takes seconds: a mistake is told at once."""
    try:
        loaded = load_config(file, os.environ)
        refuse_taken_port(host, port)
    except (ConfigError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    for warning in warnings(loaded):
        click.echo(f"warning: {file}: {warning}", err=True)
    return loaded


def _serve(config: Config, options: Options) -> None:
    from sdk_proxy.draining import Drain, DrainingServer  # noqa: PLC0415 - see _checked

    drain = Drain(options.drain_seconds)
    try:
        app = _app(config, options, drain)
    except Exception as error:  # noqa: BLE001 - whatever LiteLLM's Router has against its settings
        click.echo(f"error: LiteLLM does not take this configuration: {type(error).__name__}: {error}", err=True)
        sys.exit(2)
    # What is cut at the end of the draining time gets no second one.
    DrainingServer(uvicorn.Config(app, timeout_graceful_shutdown=1, **_settings(options)), drain).run()


def _app(config: Config, options: Options, drain: Any) -> Any:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # the prices it came with: a start needs no network
    from sdk_proxy.limits import Limits  # noqa: PLC0415 - see _checked
    from sdk_proxy.litellm_proxy_sdk import create_app  # noqa: PLC0415 - see _checked
    from sdk_proxy.operation import Operation  # noqa: PLC0415 - see _checked
    from sdk_proxy.request_log import to_stdout  # noqa: PLC0415 - see _checked

    to_stdout()
    limits = Limits(body_bytes=int(options.max_body_mb * 1024 * 1024))
    return create_app(config, Operation(options.log_format, limits, drain))


def _settings(options: Options) -> dict[str, Any]:
    quiet = {"date_header": False, "server_header": False, "access_log": False, "log_level": "warning"}
    return {"host": options.host, "port": options.port, **quiet}


def _supervise(options: Options, workers: int) -> None:
    """Workers drain as uvicorn lets them: their port is closed at once, so nobody can ask whether they are ready."""
    config = uvicorn.Config(
        partial(_worker, options),
        factory=True,
        workers=workers,
        timeout_graceful_shutdown=math.ceil(options.drain_seconds),
        **_settings(options),
    )
    Multiprocess(config, sockets=[config.bind_socket()]).run()


def _worker(options: Options) -> Any:
    from sdk_proxy.draining import Drain  # noqa: PLC0415 - see _checked

    return _app(load_config(options.config, os.environ), options, Drain(options.drain_seconds))


if __name__ == "__main__":
    main()
