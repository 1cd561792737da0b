"""Runs the proxies of this machine.

python deploy/run_proxies.py                       the primary on port 8764: the binary proxy, and LiteLLM behind it
USE_SDK_PROXY=true python deploy/run_proxies.py    the primary is the SDK proxy
python deploy/run_proxies.py --run-both            the binary proxy on 8764, the SDK proxy on 8765
python deploy/run_proxies.py --port 9000 --use-sdk
python deploy/run_proxies.py --status
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import click
import httpx

from deploy.programs import Asked, BadInput, Program, programs, wants_sdk
from deploy.supervisor import Failed, Supervisor, owner_of


@click.command()
@click.option("--config", type=click.Path(path_type=Path), default="config/config.yaml", envvar="CONFIG_PATH")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8764, envvar="PROXY_PORT", show_default=True)
@click.option("--sdk-port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="With --run-both.")
@click.option("--litellm-port", type=click.IntRange(1, 65535), default=4000, show_default=True)
@click.option("--use-sdk", is_flag=True, help="The primary is the SDK proxy; so it is with USE_SDK_PROXY=true.")
@click.option("--run-both", "both", is_flag=True, help="The binary proxy on --port, the SDK proxy on --sdk-port.")
@click.option("--logs", type=click.Path(path_type=Path, file_okay=False), default="logs", show_default=True)
@click.option("--status", is_flag=True, help="Say who listens on the ports, and whether it is ready; start nothing.")
def main(config: Path, use_sdk: bool, both: bool, logs: Path, status: bool, **places: object) -> None:
    """Run the proxies of this machine until Ctrl-C. Exit code 2: what was asked for cannot be."""
    try:
        asked = Asked(config=config, sdk=wants_sdk(use_sdk, os.environ), both=both, **places)  # type: ignore[arg-type]
        if status:
            sys.exit(_status(asked))
        _require_file(config)
        asyncio.run(_run(programs(asked), logs))
    except BadInput as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except Failed as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.code)


def _require_file(config: Path) -> None:
    if not config.is_file():
        raise BadInput(f"{config} is no file: name the gateway's configuration with --config or CONFIG_PATH")


async def _run(wanted: tuple[Program, ...], logs: Path) -> None:
    supervisor, stop = Supervisor(logs, click.echo), asyncio.Event()

    def asked_to_stop() -> None:
        if stop.is_set():
            supervisor.kill()  # a second Ctrl-C waits for no stream
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop)
    await supervisor.run(wanted, stop)
    click.echo("all stopped")


def _status(asked: Asked) -> int:
    """0 where every program that would run for these options is ready."""
    return max([_said(program) for program in programs(asked)])


def _said(program: Program) -> int:
    owner = owner_of(program.port)
    ready = bool(owner) and _is_ready(program)
    what = "ready" if ready else "not ready" if owner else "not running"
    click.echo(f"{program.name}: {what}, port {program.port}{f', {owner}' if owner else ''}")
    return 0 if ready else 1


def _is_ready(program: Program) -> bool:
    try:
        return httpx.get(program.ready, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    main()
