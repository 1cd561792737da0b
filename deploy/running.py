"""A launcher from its options to its end, and what it looks like from outside."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from deploy.asking import NoLauncher, told
from deploy.child import Died
from deploy.commands import Desk, Gate
from deploy.guard import guard
from deploy.journal import Change, Journal, who
from deploy.launcher import Failed, Launcher, Plan
from deploy.listening import owner_of
from deploy.programs import PRODUCTION, Asked, BadInput, Primary, Program, binary, said_primary, sdk
from deploy.routes import Routes, read
from deploy.shadowing import Shadow, command
from deploy.state import LAUNCHER, known_sockets, only_one, sockets_folder, state_folder
from deploy.users import users
from deploy.watch import Thresholds

_LOOK = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line and the environment say."""

    asked: Asked
    said: Primary | None
    standby: bool
    watch: bool
    logs: Path
    gate: Gate
    state: Path
    routes: tuple[str, ...]
    shadow: bool


def run(root: Path, *, status: bool, **options: Any) -> int:
    """The exit code, once all is stopped."""
    try:
        wanted = _wanted(root, **options)
        if status:
            return _status(wanted)
        _require_file(wanted.asked.config)
        with only_one(wanted.state, wanted.asked.port):
            asyncio.run(_launched(wanted))
    except BadInput as error:
        click.echo(f"error: {error}", err=True)
        return 2
    except Failed as error:
        click.echo(f"error: {error}", err=True)
        return error.code
    return 0


def _require_file(config: Path) -> None:
    if not config.is_file():
        raise BadInput(f"{config} is no file: name the gateway's configuration with --config or CONFIG_PATH")


def _wanted(root: Path, *, use_sdk: bool, reports: Path, verdict_hours: float, archive: Path, **options: Any) -> Wanted:
    here = {name: options.pop(name) for name in ("standby", "watch", "logs", "shadow")}
    routes = options.pop("route")
    asked = Asked(**options)
    asked.addresses()
    gate = Gate(reports, asked.config, root, timedelta(hours=verdict_hours), archive)
    said = said_primary(use_sdk, os.environ)
    return Wanted(asked, said, gate=gate, state=state_folder(asked.port, os.environ), routes=routes, **here)


async def _launched(wanted: Wanted) -> None:
    journal, stop = Journal(wanted.state), asyncio.Event()
    plan = _plan(wanted, journal)
    folder = sockets_folder(wanted.state)
    shadowing = command(wanted.asked.config, wanted.gate.reports)
    shadow = Shadow(shadowing, folder, wanted.logs / "shadow.log", wanted.gate.root, click.echo)
    launcher = Launcher(plan, journal, folder, click.echo, shadow)
    if plan.primary != journal.primary():
        reason = "USE_SDK_PROXY or --use-sdk says so"
        journal.add(Change("start", who(), journal.primary(), plan.primary, reason))
    if plan.routes.said != journal.routes() and wanted.routes:
        told = f"routes: {', '.join(wanted.routes)}"
        journal.add(Change("route", who(), plan.primary, plan.primary, told, routes=plan.routes.said))

    def asked_to_stop() -> None:
        if stop.is_set():
            launcher.kill()  # a second Ctrl-C waits for no stream
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop)
    desk = Desk(launcher, wanted.gate)
    beside: list[Coroutine[None, None, None]] = [desk.serve(folder / LAUNCHER)]
    if wanted.watch:
        beside.append(guard(launcher, Thresholds()))
    if wanted.shadow:
        beside.append(_shadowed(launcher))
    await launcher.run(stop, beside)
    (folder / LAUNCHER).unlink(missing_ok=True)
    click.echo("all stopped")


async def _shadowed(launcher: Launcher) -> None:
    """Once the port is answered on; without a shadow, where there can be none."""
    while launcher.answering is None:  # noqa: ASYNC110 - it is a matter of seconds, once
        await asyncio.sleep(_LOOK)
    try:
        await launcher.shadow_on()
    except (BadInput, Died) as error:
        click.echo(f"no shadow: {error}")


def _plan(wanted: Wanted, journal: Journal) -> Plan:
    """Who was told to be the primary needs no other beside it; who became it by a cutover has its way back warm."""
    asked = wanted.asked
    primary = wanted.said or journal.primary()
    warm = asked.both or (wanted.said is None and primary == "sdk" and wanted.standby)
    programs: dict[Primary, tuple[Program, ...]] = {"binary": binary(asked), "sdk": sdk(asked)}
    said = wanted.routes or (journal.routes() if wanted.said is None else ())
    routes = read(said, users(asked.config)) if said else Routes()
    return Plan(programs, primary, warm, asked.addresses(), wanted.logs, routes)


def _status(wanted: Wanted) -> int:
    """0 where every program that would run for these options is ready."""
    state = _state(wanted.state)
    if state is None:
        return _without_launcher(wanted)
    click.echo(f"primary: {state['primary']}, port {wanted.asked.port}, answering: {state['answering'] or 'nobody'}")
    if state["routes"]:
        click.echo(f"routes: {', '.join(state['routes'])}")
    if state.get("shadow"):
        click.echo(f"shadow: on, pid {state['shadow']}")
    for each in state["programs"]:
        ready = "ready" if each["ready"] else "not ready"
        click.echo(f"{each['name']}: {ready}, port {each['port']}, pid {each['pid']}")
    return 0 if all(each["ready"] for each in state["programs"]) and state["answering"] else 1


def _state(folder: Path) -> dict[str, Any] | None:
    """None where no launcher runs."""
    sockets = known_sockets(folder)
    if sockets is None:
        return None
    try:
        return next(
            (answer["state"] for answer in told(sockets / LAUNCHER, {"do": "state"}) if "state" in answer), None
        )
    except NoLauncher:
        return None


def _without_launcher(wanted: Wanted) -> int:
    primary = wanted.said or Journal(wanted.state).primary()
    click.echo(f"no launcher runs for port {wanted.asked.port}; the primary would be the {primary} proxy")
    for name, (_, port) in wanted.asked.addresses().items():
        owner = owner_of(port)
        if owner or name == PRODUCTION:
            click.echo(f"{name}: port {port}, {owner or 'not running'}")
    return 1
