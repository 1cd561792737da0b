"""python -m sdk_proxy --config config/config.yaml --host 127.0.0.1 --port 8765"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from sdk_proxy.schema import Config, ConfigError, load_config, warnings
from sdk_proxy.serving import refuse_taken_port


@click.command()
@click.option("--config", type=click.Path(path_type=Path), default=Path("config/config.yaml"), envvar="CONFIG_PATH")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8765, show_default=True, envvar="PROXY_PORT")
def main(config: Path, host: str, port: int) -> None:
    """Serve the SDK proxy. Exit code 2: the configuration, the environment or the port is not usable."""
    loaded = _checked(config, host, port)
    _serve(loaded, host, port)


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


def _serve(config: Config, host: str, port: int) -> None:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # the prices it came with: a start needs no network
    import uvicorn  # noqa: PLC0415 - see _checked

    from sdk_proxy.litellm_proxy_sdk import create_app  # noqa: PLC0415 - see _checked

    try:
        app = create_app(config)
    except Exception as error:  # noqa: BLE001 - whatever LiteLLM's Router has against its settings
        click.echo(f"error: LiteLLM does not take this configuration: {type(error).__name__}: {error}", err=True)
        sys.exit(2)
    uvicorn.run(
        app, host=host, port=port, date_header=False, server_header=False, access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
