"""Runs the proxies of this machine.

python deploy/run_proxies.py                       the primary on port 8764: the binary proxy until the cutover
USE_SDK_PROXY=true python deploy/run_proxies.py    the primary is the SDK proxy, whatever was before
python deploy/run_proxies.py --run-both            the binary proxy on 8764, the SDK proxy on 8765
python deploy/run_proxies.py --port 9000 --use-sdk
python deploy/run_proxies.py --route claude-code=binary --route pycharm=sdk --route sdk=10%
python deploy/run_proxies.py --status

and, while it runs, from another terminal:

python deploy/run_proxies.py cutover [--force "REASON"]
python deploy/run_proxies.py rollback [--reason "REASON"]
python deploy/run_proxies.py route pycharm=sdk sdk=25%
python deploy/run_proxies.py shadow on | off | status
python deploy/run_proxies.py restore
python deploy/run_proxies.py journal
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from deploy.asking import NoLauncher, told
from deploy.journal import Change, Journal, who
from deploy.programs import BadInput
from deploy.state import LAUNCHER, known_sockets, state_folder

ROOT = Path(__file__).resolve().parents[1]
_ARCHIVE = ROOT / "sdk_proxy" / "archive"
_NUMBER = click.IntRange(1, 65535)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_PORT_TOO = click.option("--port", "said", type=_NUMBER, help="The production port; before the command, too.")


@click.group(invoke_without_command=True)
@click.option("--config", type=click.Path(path_type=Path), default="config/config.yaml", envvar="CONFIG_PATH")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=_NUMBER, default=8764, envvar="PROXY_PORT", show_default=True, help="Production's.")
@click.option("--sdk-port", type=_NUMBER, default=8765, show_default=True, help="With --run-both.")
@click.option("--litellm-port", type=_NUMBER, default=4000, show_default=True)
@click.option("--use-sdk", is_flag=True, help="The primary is the SDK proxy; so it is with USE_SDK_PROXY=true.")
@click.option("--run-both", "both", is_flag=True, help="The binary proxy on --port, the SDK proxy on --sdk-port.")
@click.option("--route", multiple=True, metavar="WHO=PROXY", help="On --port: a client, a user:ID, or sdk=10% of them.")
@click.option(
    "--standby/--no-standby", default=True, show_default=True, help="After a cutover: both, one of them warm."
)
@click.option("--watch/--no-watch", default=True, show_default=True, help="Roll back by itself, for a reason.")
@click.option(
    "--shadow",
    is_flag=True,
    help="The SDK proxy gets a copy of each call, and is compared; so it is with the command shadow on.",
)
@click.option("--logs", type=_FOLDER, default="logs", show_default=True)
@click.option("--reports", type=_FOLDER, default="reports", show_default=True)
@click.option("--verdict-hours", type=click.FloatRange(0), default=24.0, show_default=True, help="A verdict's life.")
@click.option("--archive", type=_FOLDER, default=_ARCHIVE, help="Where a cutover keeps the baseline.")
@click.option("--status", is_flag=True, help="Say who listens on the ports, and whether it is ready; start nothing.")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Run the proxies of this machine until Ctrl-C. Exit code 2: what was asked for cannot be."""
    if context.invoked_subcommand is not None:
        context.obj = options["port"]
        return
    from deploy.running import run  # noqa: PLC0415 - a rollback waits for no import

    sys.exit(run(ROOT, **options))


@main.command()
@click.option("--force", metavar="REASON", help="Without a fresh READY verdict; the journal keeps the reason.")
@_PORT_TOO
@click.pass_obj
def cutover(port: int, /, force: str | None, said: int | None) -> None:
    """The SDK proxy becomes the primary. Refused (2) without a fresh READY verdict of `nox -s gate`."""
    if force is not None and not force.strip():
        raise click.UsageError("--force needs a reason: the journal keeps it")
    code = _asked(said or port, {"do": "cutover", "by": who(), "force": force})
    if code is None:
        _refused(f"no launcher runs for port {said or port}: start python deploy/run_proxies.py, then cut over")
    sys.exit(code)


@main.command()
@click.option("--reason", default="asked for", show_default=True, help="The journal keeps it.")
@_PORT_TOO
@click.pass_obj
def rollback(port: int, /, reason: str, said: int | None) -> None:
    """The binary proxy becomes the primary again. Where no launcher runs, the next one starts with it."""
    code = _asked(said or port, {"do": "rollback", "by": who(), "reason": reason})
    sys.exit(_next_time_binary(said or port, reason) if code is None else code)


@main.command()
@click.argument("routes", nargs=-1, metavar="[WHO=PROXY]...")
@click.option("--none", is_flag=True, help="All go to the primary again.")
@_PORT_TOO
@click.pass_obj
def route(port: int, /, routes: tuple[str, ...], none: bool, said: int | None) -> None:
    """Whose requests go to which proxy from now on: all that hold, not one more. A cutover or a rollback ends them.

    WHO is a client (claude-code, pycharm, vscode, openai-python, anthropic-python, curl), a user id of the
    configuration, or user:ID; sdk=10% is a share of all others, always the same users.
    """
    if bool(routes) == none:
        raise click.UsageError("say who goes where, as in pycharm=sdk, or --none")
    code = _asked(said or port, {"do": "route", "by": who(), "routes": routes})
    if code is None:
        _refused(f"no launcher runs for port {said or port}: start python deploy/run_proxies.py --route ...")
    sys.exit(code)


@main.command()
@click.argument("what", type=click.Choice(["on", "off", "status"]))
@_PORT_TOO
@click.pass_obj
def shadow(port: int, /, what: str, said: int | None) -> None:
    """Before a cutover: the SDK proxy gets a copy of each call, the provider's own answer to it, and is compared.

    No client waits for it, and no provider is asked. What differs: reports/latest/shadow.md. Exit code 1: it is off.
    """
    code = _asked(said or port, {"do": "shadow", "what": what})
    if code is None:
        _refused(f"no launcher runs for port {said or port}: start python deploy/run_proxies.py --shadow")
    sys.exit(code)


@main.command()
@click.option("--archive", type=_FOLDER, default=_ARCHIVE, help="What a cutover has made.")
@_PORT_TOO
@click.pass_obj
def restore(port: int, /, archive: Path, said: int | None) -> None:
    """The binary proxy's files as the last cutover archived them, a new start of its program if it runs other files,
    and a rollback. Where there is nothing to restore it says so, and disturbs nothing."""
    program = archive / "restore.py"
    if not program.is_file():
        _refused(f"{archive} holds no archive: a cutover makes it")
    done = subprocess.run([sys.executable, str(program), "--into", str(ROOT)], check=False)
    if done.returncode:
        sys.exit(done.returncode)
    code = _asked(said or port, {"do": "restore", "by": who(), "reason": "restored from the archive"})
    sys.exit(_next_time_binary(said or port, "restored from the archive") if code is None else code)


@main.command()
@_PORT_TOO
@click.pass_obj
def journal(port: int, /, said: int | None) -> None:
    """Every change of who answers on the production port, the last one last."""
    try:
        changes = Journal(state_folder(said or port, os.environ)).changes()
    except BadInput as error:
        _refused(error)
    for change in changes:
        click.echo(json.dumps(change, ensure_ascii=False))


def _asked(port: int, asked: dict[str, Any]) -> int | None:
    """The exit code; None where no launcher runs."""
    folder = known_sockets(state_folder(port, os.environ))
    code: int | None = None
    try:
        for answer in told((folder or Path("nowhere")) / LAUNCHER, asked):
            if "say" in answer:
                click.echo(answer["say"], err=answer["say"].startswith("error: "))
            code = answer.get("code", code)
    except NoLauncher:
        return None
    return 1 if code is None else code


def _next_time_binary(port: int, reason: str) -> int:
    kept = Journal(state_folder(port, os.environ))
    try:
        if kept.primary() != "binary":
            kept.add(Change("rollback", who(), "sdk", "binary", reason))
    except (BadInput, OSError) as error:
        _refused(error)
    click.echo(f"no launcher runs for port {port}; the primary is the binary proxy: start python deploy/run_proxies.py")
    return 0


def _refused(error: object) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
