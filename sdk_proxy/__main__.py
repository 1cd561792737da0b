"""python -m sdk_proxy --config config/config.yaml --host 127.0.0.1 --port 8765

python -m sdk_proxy check config/config.yaml
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from sdk_proxy.config_check import Finding, examined
from sdk_proxy.config_file import ConfigError, unset_message
from sdk_proxy.cookie_store import default_place, store_at
from sdk_proxy.lean_imports import lean_imports
from sdk_proxy.running import Options, serve, supervise
from sdk_proxy.schema import Config, warnings
from sdk_proxy.serving import refuse_taken_port


@click.group(invoke_without_command=True)
@click.option("--config", type=click.Path(path_type=Path), default=Path("config/config.yaml"), envvar="CONFIG_PATH")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8765, show_default=True, envvar="PROXY_PORT")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, envvar="PROXY_WORKERS")
@click.option("--log-format", type=click.Choice(["json", "text"]), default="json", show_default=True)
@click.option("--drain-seconds", type=click.FloatRange(0), default=30.0, show_default=True)
@click.option("--max-body-mb", type=click.FloatRange(0, min_open=True), default=64.0, show_default=True)
@click.option("--max-in-flight", type=click.IntRange(1), default=1000, show_default=True, help="Of a worker; else 429.")
@click.option(
    "--cookie-jar",
    metavar="FILE|redis://...|none",
    envvar="COOKIE_JAR",
    default=lambda: default_place(os.environ),
    show_default="$XDG_STATE_HOME/sdk-proxy/cookies.json",
    help="Where the upstreams' cookies stay: for a restart, other workers, other hosts (Redis).",
)
@click.option("--strict", is_flag=True, help="Refuse a configuration that refers to a variable which is not set.")
@click.option("--warm-up", is_flag=True, help="Ready later, but the first clients wait for nothing.")
@click.option(
    "--fast-path/--no-fast-path",
    envvar="FAST_PATH",
    default=True,
    help="Without it each call goes LiteLLM's way: slower, with the same answers.",
)
@click.pass_context
def main(context: click.Context, /, workers: int, strict: bool, **options: Any) -> None:
    """Serve the SDK proxy. Exit code 2: the configuration, the environment or the port is not usable."""
    if context.invoked_subcommand is not None:
        return
    chosen = Options(**options)
    with lean_imports():
        loaded = _checked(chosen, strict)
    if workers == 1:
        serve(loaded, chosen)
    else:
        supervise(loaded, chosen, workers)


@main.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("config/config.yaml"))
@click.option("--strict", is_flag=True, help="A variable that is not set is exit code 2 as well.")
def check(file: Path, strict: bool) -> None:
    """Print for each key of FILE what becomes of it. Exit code 2: the SDK proxy does not start with it."""
    from rich.console import Console  # noqa: PLC0415 - one that serves shows nothing

    from sdk_proxy.check import check as check_config  # noqa: PLC0415
    from sdk_proxy.check import show  # noqa: PLC0415

    try:
        found = check_config(file)
    except ConfigError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    show(found, Console())
    sys.exit(2 if _refuses(found, strict) else 0)


def _refuses(found: Sequence[Finding], strict: bool) -> bool:
    return any(finding.verdict == "refused" or (strict and finding.verdict == "unset") for finding in found)


def _checked(options: Options, strict: bool) -> Config:
    """Before LiteLLM is imported, which takes seconds: a mistake is told at once."""
    try:
        loaded, found = examined(options.config, os.environ)
        store_at(options.cookie_jar)
        refuse_taken_port(options.host, options.port)
    except (ConfigError, OSError, ValueError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    for line in _told(options.config, loaded, found, strict):
        click.echo(line, err=True)
    if _refuses(found, strict):
        sys.exit(2)
    return loaded


def _told(file: Path, loaded: Config, found: Sequence[Finding], strict: bool) -> Iterator[str]:
    unset = [(finding.why, finding.key) for finding in found if finding.verdict == "unset"]
    if unset:
        message = unset_message(file, unset)
        yield f"error: {message}: set them, or start without --strict" if strict else f"warning: {message}"
    for finding in found:
        if finding.verdict in ("ignored", "refused") and finding.why:
            yield f"{'error' if finding.verdict == 'refused' else 'warning'}: {finding}"
    yield from (f"warning: {file}: {warning}" for warning in warnings(loaded))
    if os.environ.get("DATABASE_URL"):
        yield "warning: DATABASE_URL is set: LiteLLM keeps virtual keys there; here the master key is the only one"


if __name__ == "__main__":
    main()
