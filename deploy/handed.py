"""Runs a program whose web server listens on sockets that the launcher owns.

python -m deploy.handed --control PATH [--own FD ...] [--production FD] -- -m sdk_proxy --config ...

The program is as it is: only uvicorn, which all of ours serve with, is told on which sockets. On its own it listens
always; on the production port from `take` to `let_go`, which is why a cutover refuses no connection: the port listens
on all the time, and what waits in its queue is taken by whoever takes next. Let go of the port, it says
`connection: close` with each further answer (RFC 9112, section 9.6): its clients come back by themselves, to the other.

It outlives a launcher that was killed, for the next one to find, by `ORPHANED` seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, MutableMapping
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, send_fds, socket
from typing import Any

import click
import uvicorn
from uvicorn.importer import import_from_string

from deploy.copying import Copies, shadow_of
from deploy.passing import place_of, taken, taking
from deploy.tally import PROBES, App, Message, Receive, Send, Tally

ORPHANED = 60.0  # seconds without a launcher
_ANSWERS = 10.0  # seconds that a command of the launcher's may take
_BACKLOG = 4096


def _hear() -> None:
    from deploy.overhearing import hear  # noqa: PLC0415 - nothing of it is there without a shadow

    hear()


class Door:
    """The production port, as one process has it: open from `take` to `let_go`. Connections that another process has
    accepted there it serves at any time."""

    def __init__(self, production: socket | None, passed: socket | None) -> None:
        self._production, self._passed = production, passed
        self._listening: asyncio.Server | None = None
        self._server: uvicorn.Server | None = None
        self._taking: asyncio.Task[None] | None = None
        self.tally = Tally()
        self.copies = Copies(front=production is not None, hear=_hear)

    @property
    def serving(self) -> bool:
        return self._listening is not None

    def around(self, app: App) -> App:
        """The same; what comes by the port is counted, probes apart, and told to close its connections where that is
        another's. What comes by any other socket is neither."""
        copied = self.copies.around(app)
        if self._production is None:
            return copied
        port = self._production.getsockname()[1]

        async def counted(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or (scope.get("server") or ("", 0))[1] != port:
                await app(scope, receive, send)
                return
            if scope["path"] in PROBES:
                await app(scope, receive, self._closing(send))
                return
            await self.tally.told(copied, scope, receive, self._closing(send))

        return counted

    def opened(self, server: uvicorn.Server) -> None:
        """The server listens on its own sockets."""
        self._server = server
        if self._passed is not None:
            self._taking = asyncio.create_task(taken(self._passed, self._serve))

    async def _serve(self, client: socket) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(self._protocol, client)

    def _protocol(self) -> asyncio.Protocol:
        if self._server is None:
            raise RuntimeError("it does not serve yet")
        config, state, lifespan = self._server.config, self._server.server_state, self._server.lifespan
        return config.http_protocol_class(config=config, server_state=state, app_state=lifespan.state)  # type: ignore[call-arg]

    async def take(self) -> None:
        """Raises RuntimeError where it does not serve yet, or was given no production port."""
        if self._server is None or self._production is None:
            raise RuntimeError("it cannot take the port")
        if self._listening is not None:
            return
        shared = self._production.dup()  # closed by let_go; the port itself listens on
        self._listening = await asyncio.get_running_loop().create_server(self._protocol, sock=shared, backlog=_BACKLOG)

    async def end(self) -> None:
        """Takes no connection any more, from nobody."""
        await self.let_go()
        if self._taking is not None:
            self._taking.cancel()

    async def let_go(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def _closing(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and not self.serving:
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        return sent


class Control:
    """Where the launcher's words arrive, in a thread of its own: one line of JSON asks, one answers."""

    def __init__(self, place: Path, sockets: list[socket], door: Door, code: Code, ask: list[str]) -> None:
        self._listener = socket(AF_UNIX, SOCK_STREAM)
        place.unlink(missing_ok=True)
        self._listener.bind(str(place))
        self._listener.listen()
        self._shadow = shadow_of(place.parent)
        self._sockets, self._door, self._code, self._argv = sockets, door, code, ask
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        threading.Thread(target=self._serve, name="launcher", daemon=True).start()

    def serves_with(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def _serve(self) -> None:
        self._listener.settimeout(ORPHANED)
        while True:
            try:
                launcher, _ = self._listener.accept()
            except TimeoutError:
                os.kill(os.getpid(), signal.SIGTERM)  # nobody came back for it
                return
            with launcher, suppress(OSError, ValueError):
                self._hear(launcher)

    def _hear(self, launcher: socket) -> None:
        launcher.settimeout(None)
        with launcher.makefile("rb") as lines:
            for line in lines:
                fds = [each.fileno() for each in self._sockets] if json.loads(line)["do"] == "sockets" else []
                answer = json.dumps(self._done(json.loads(line)["do"])).encode() + b"\n"
                send_fds(launcher, [answer], fds) if fds else launcher.sendall(answer)

    def _in_loop(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            work.close()
            raise RuntimeError("it does not serve yet")
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWERS)

    def _done(self, what: str) -> dict[str, Any]:
        """`said`: why it could not be done."""
        door, said = self._door, None
        works: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "take": door.take,
            "let_go": door.let_go,
            "copy": partial(door.copies.begin, self._shadow),
            "copy_no_more": door.copies.end,
        }
        work = works.get(what)
        if work is not None:
            try:
                self._in_loop(work())
            except Exception as error:  # noqa: BLE001 - the launcher is told, whatever it is
                said = f"{type(error).__name__}: {error}"
        is_now: dict[str, Any] = {"serving": door.serving, "copied": door.copies.taken}
        if what == "compare":
            is_now["outdated"] = self._code.is_outdated()
        state = {"pid": os.getpid(), "argv": self._argv, "said": said, **is_now}
        return {**state, **door.tally.state()}


class Code:
    """The files that a program's code came from, as they were when it began to serve."""

    def __init__(self, program: tuple[str, ...]) -> None:
        self._package = program[1].partition(".")[0] + "." if program[0] == "-m" else None
        self._digests: dict[Path, str] | None = None

    def remember(self) -> None:
        self._digests = {file: _digest(file) for file in self._files()}

    def is_outdated(self) -> bool:
        """Return whether a file has other content by now, so that only a new start runs what the files say; true where
        the program does not serve yet, whatever it has read."""
        return self._digests is None or any(_digest(file) != was for file, was in self._digests.items())

    def _files(self) -> set[Path]:
        """Those of the program itself and of its own package, as far as they are imported."""
        modules = [
            module
            for name, module in [*sys.modules.items()]
            if name == "__main__" or (self._package is not None and name.startswith(self._package))
        ]
        return {Path(file).resolve() for module in modules if (file := getattr(module, "__file__", None))}


def _digest(file: Path) -> str:
    """Empty for a file that is not there."""
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def hand_over(own: list[socket], door: Door, code: Code, control: Control) -> None:
    """From now on uvicorn's servers listen where the launcher says."""
    serve, startup, shutdown = uvicorn.Server.serve, uvicorn.Server.startup, uvicorn.Server.shutdown

    async def served(self: uvicorn.Server, sockets: list[socket] | None = None) -> None:
        app = self.config.app
        self.config.app = door.around(import_from_string(app) if isinstance(app, str) else app)  # type: ignore[arg-type]
        await serve(self, own or sockets)

    async def started(self: uvicorn.Server, sockets: list[socket] | None = None) -> None:
        await startup(self, sockets)
        code.remember()
        control.serves_with(asyncio.get_running_loop())
        door.opened(self)

    async def ended(self: uvicorn.Server, sockets: list[socket] | None = None) -> None:
        await door.end()
        await shutdown(self, sockets)

    uvicorn.Server.serve, uvicorn.Server.startup, uvicorn.Server.shutdown = served, started, ended  # type: ignore[method-assign]


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--control", type=click.Path(path_type=Path), required=True)
@click.option("--own", type=int, multiple=True, help="File descriptors of sockets that it listens on all the time.")
@click.option("--production", type=int, help="The file descriptor of the production port's socket.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, required=True)
def main(control: Path, own: tuple[int, ...], production: int | None, program: tuple[str, ...]) -> None:
    """Run PROGRAM (`-m MODULE ...` or FILE ...) on sockets of the launcher's."""
    listened = [socket(fileno=fd) for fd in own]
    port = None if production is None else socket(fileno=production)
    for each in (*listened, *([port] if port else [])):
        os.set_inheritable(each.fileno(), False)
    door = Door(port, taking(place_of(control.parent, control.stem)) if port else None)
    code = Code(program)
    heard = Control(control, [*listened, *([port] if port else [])], door, code, list(program))
    heard.start()
    hand_over(listened, door, code, heard)
    _run(program)


def _run(program: tuple[str, ...]) -> None:
    if program[0] == "-m":
        sys.argv = [program[1], *program[2:]]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [*program]
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main()
