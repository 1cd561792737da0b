"""Owns the sockets, runs the programs, and says which of them answers on the production port."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Any

from deploy.child import Child, Died, Found, adopted, ended, found, started
from deploy.front import Front
from deploy.journal import Change, Journal
from deploy.listening import bound, port_of, private
from deploy.passing import Way, place_of
from deploy.programs import PRODUCTION, BadInput, Primary, Program
from deploy.routes import Routes, headers_of
from deploy.shadowing import Shadow

PROXIES: Mapping[Primary, str] = {"binary": "binary-proxy", "sdk": "sdk-proxy"}
_LONGEST_REST = 30.0  # seconds before one that dies again and again is started again
_SOUND = 60.0  # seconds of life after which a death is the first one
_DEATHS, _DEATHS_WITHIN = 3, 300.0  # of the SDK proxy's, in seconds: then it is taken out

Say = Callable[[str], None]


class Failed(Exception):
    """A program ended, or was not ready in time; `code` is the launcher's exit code."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said)
        self.code = code


@dataclass(frozen=True, slots=True)
class Plan:
    """`programs`: what may run, by proxy, in the order of its start. `primary` has the production port first;
    `warm`: the others that are started beside it; `patience`: seconds for a start; `drain`: for an end."""

    programs: Mapping[Primary, tuple[Program, ...]]
    primary: Primary
    warm: bool
    addresses: Mapping[str, tuple[str, int]]
    logs: Path
    routes: Routes = field(default_factory=Routes)
    patience: float = 120.0
    drain: float = 35.0


@dataclass(slots=True, eq=False)
class Launcher:
    """`primary` is who the people chose, `answering` who has the port: another, as long as the SDK proxy is dead. With
    `routes` the launcher has the port itself, and `answering` gets whom no route names."""

    plan: Plan
    journal: Journal
    folder: Path
    say: Say
    shadow: Shadow | None = None
    primary: Primary = field(init=False)
    routes: Routes = field(init=False)
    answering: Primary | None = None
    children: dict[str, Child] = field(default_factory=dict)
    sockets: dict[str, socket] = field(default_factory=dict)
    _front: Front = field(init=False)
    _keeping: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _starting: dict[str, asyncio.Lock] = field(default_factory=dict)
    _moving: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ending_shadow: asyncio.Task[None] | None = None
    _deaths: deque[float] = field(default_factory=lambda: deque(maxlen=_DEATHS))

    def __post_init__(self) -> None:
        self.primary, self.routes = self.plan.primary, self.plan.routes
        ways: dict[Primary, Way] = {each: Way(place_of(self.folder, name)) for each, name in PROXIES.items()}
        self._front = Front(ways, self._chosen, self.ready)

    async def run(self, stop: asyncio.Event, beside: Iterable[Coroutine[None, None, None]] = ()) -> None:
        """Until `stop`. Raises `BadInput` for a port that is taken, `Failed` for a program that does not start."""
        stopped = asyncio.create_task(stop.wait())
        works = {asyncio.ensure_future(each) for each in beside}
        try:
            await _until(self._begin(), stopped)
            if self.plan.warm and not stop.is_set():
                works.add(asyncio.ensure_future(self._warm()))
            while not stopped.done():
                done, works = await asyncio.wait({stopped, *works}, return_when=asyncio.FIRST_COMPLETED)  # type: ignore[assignment]
                for task in done:
                    task.result()
        finally:
            for task in (stopped, *works, *self._keeping.values()):
                task.cancel()
            await self.end()

    async def move(self, to: Primary, change: Change | None) -> None:
        """The port goes from one to the other without a moment of nobody's; with a change, which somebody decided, the
        whole of it. Raises `Died`, `Failed`, `OSError`: then nothing has changed."""
        async with self._moving:
            await self._changed(to, self.routes if change is None else Routes(), change)
            self.primary = self.primary if change is None else to
        if self.shadow is not None and self.shadow.pid and not self.asks("binary"):
            self.say("the shadow is ended: the binary path has no clients to copy any more")
            self._ending_shadow = asyncio.create_task(self.shadow.off())  # a cutover does not wait for its report

    async def route(self, routes: Routes, change: Change) -> None:
        """Raises `BadInput`, `Died`, `Failed`, `OSError`: then nothing has changed."""
        async with self._moving:
            await self._changed(self.answering or self.primary, routes, change)

    async def _changed(self, to: Primary, routes: Routes, change: Change | None) -> None:
        for each in PROXIES if routes else (to,):
            await self.up(each)
        answered, routed = self.answering, self.routes
        self.routes = routes
        try:
            await self._hand(to)
        except Died:
            self.routes = routed
            raise
        try:
            if change is not None:
                self.journal.add(change)
        except OSError:
            self.routes = routed
            await self._hand(answered or to)
            raise

    async def up(self, primary: Primary) -> None:
        """All that this proxy needs is ready. Raises `BadInput`, `Failed`."""
        programs = self.plan.programs[primary]
        try:
            async with asyncio.TaskGroup() as group:
                for program in programs:
                    group.create_task(self._up(program))
        except ExceptionGroup as several:
            raise several.exceptions[0] from several

    async def begin_anew(self, primary: Primary) -> bool:
        """Start the proxy's program again where its files have changed since its start, whether it has the production
        port or not. Return whether it had to be: one that runs what its files say goes on."""
        async with self._moving:
            child = self.children.get(PROXIES[primary])
            if child is None or not child.is_alive() or not await child.is_outdated():
                return False
            child.ready = False  # whoever asks for it waits for the new one
            child.signal(signal.SIGTERM)
            await child.ended()
            return True

    async def shadow_on(self) -> None:
        """The calls of the binary path are copied from now on. Raises `BadInput`, `Died`: then nobody is shadowed."""
        if self.shadow is None or not self.asks("binary"):
            raise BadInput("a shadow is for the time before a cutover: the binary proxy has no clients here")
        was_on = await self.shadow.on()
        try:
            for program in self.plan.programs["binary"]:
                if not (was_on and (await self.children[program.name].ask("state")).get("copied")):
                    await self._copied(program)
        except (BadInput, Died):
            await self.shadow.off()
            raise
        self.say(f"the shadow is on (pid {self.shadow.pid}): each call of the binary path is copied")

    async def _copied(self, program: Program) -> None:
        child = self.children[program.name]
        if not (await child.ask("copy")).get("copied"):
            raise BadInput(f"{program.name} was started by another version and cannot copy: start it again")

    def ready(self, primary: Primary) -> bool:
        child = self.children.get(PROXIES[primary])
        return child is not None and child.serves()

    async def end(self) -> None:
        """Whoever serves clients first, LiteLLM after them, for their last answers come from there."""
        for task in self._keeping.values():
            task.cancel()
        await self._front.end()
        ending = asyncio.create_task(self.shadow.off()) if self.shadow is not None else None
        proxies = [child for child in self.children.values() if child.program.takes_production]
        others = [child for child in self.children.values() if not child.program.takes_production]
        for group in (proxies, others):
            await asyncio.gather(*(child.end(self.plan.drain) for child in group))
        if ending is not None:
            await ending
        for each in self.sockets.values():
            each.close()

    def kill(self) -> None:
        if self.shadow is not None:
            self.shadow.kill()
        for child in self.children.values():
            child.signal(signal.SIGKILL)

    async def _begin(self) -> None:
        await self._adopt(found(self.folder))
        self._socket(PRODUCTION)
        holder = next((each for each, name in PROXIES.items() if self.answering_is(name)), None)
        if holder is not None and holder != self.primary:
            self.say(f"{PROXIES[holder]} still answers, until {PROXIES[self.primary]} is ready")
        while True:
            try:
                await self.move(self.primary, None)
            except Died as error:
                self.say(f"{error}: it starts again")  # it died between its readiness and this
            else:
                return

    def asks(self, primary: Primary) -> bool:
        """Some of the port's clients, or all."""
        return self.answering == primary or bool(self.routes)

    def answering_is(self, name: str) -> bool:
        return self.answering is not None and PROXIES[self.answering] == name

    async def _warm(self) -> None:
        for primary in self.plan.programs:
            try:
                await self.up(primary)
            except (BadInput, Failed) as error:
                self.say(f"{PROXIES[primary]} is not beside it: {error}")

    async def _adopt(self, alive: Iterable[Found]) -> None:
        """What an earlier launcher left serves on. What it left of other programs than these is ended."""
        programs = {each.name: each for group in self.plan.programs.values() for each in group}
        for one in alive:
            program = programs.get(one.name)
            if program is None or program.command != one.argv or len(one.sockets) != _given(program):
                self.say(f"{one.name} (pid {one.pid}) of an earlier launcher is ended: it ran with other options")
                await asyncio.to_thread(ended, one)
                continue
            for name, each in zip((*program.own, PRODUCTION), one.sockets, strict=False):
                if name in self.sockets:
                    each.close()  # the same socket, by another number
                else:
                    self.sockets[name] = each
            child = await adopted(program, one, self._log(program))
            self.children[program.name] = child
            self.say(f"{program.name}: found alive (pid {child.pid}), adopted")
            if one.serving:
                self.answering = next(each for each, name in PROXIES.items() if name == program.name)
            self._keep(program)

    async def _up(self, program: Program) -> None:
        async with self._starting.setdefault(program.name, asyncio.Lock()):
            child = self.children.get(program.name)
            if child is None or not child.is_alive():
                await self._start(program)
            elif not child.ready:
                await self._until_ready(child)
                self.say(f"{program.name}: ready on port {self.port(program)} (pid {child.pid})")
            self._keep(program)

    async def _start(self, program: Program) -> Child:
        for name in program.own:
            self._socket(name)
        log = self._log(program)
        began = asyncio.get_running_loop().time()
        try:
            child = await started(program, self.sockets, self.folder, log)
        except Died as error:
            raise _not_started(program, log, error.code) from error
        self.children[program.name] = child
        try:
            await self._until_ready(child)
        except BaseException:
            await asyncio.shield(child.end(self.plan.drain))
            raise
        if self.shadow is not None and self.shadow.pid and program in self.plan.programs["binary"]:
            with suppress(BadInput, Died):  # it answers its clients all the same
                await self._copied(program)
        took = asyncio.get_running_loop().time() - began
        self.say(f"{program.name}: ready on port {self.port(program)} after {took:.1f} s (pid {child.pid}, log {log})")
        return child

    async def _until_ready(self, child: Child) -> None:
        try:
            async with asyncio.timeout(self.plan.patience):
                await child.until_ready()
        except TimeoutError as error:
            name = child.program.name
            raise Failed(f"{name} was not ready within {self.plan.patience:g} s; see {child.log}", 1) from error
        except Died as error:
            raise _not_started(child.program, child.log, error.code) from error

    def _keep(self, program: Program) -> None:
        task = self._keeping.get(program.name)
        if task is None or task.done():
            self._keeping[program.name] = asyncio.create_task(self._kept(program))

    async def _kept(self, program: Program) -> None:
        """Starts it again whenever it dies: at once the first time, later each time."""
        clock = asyncio.get_running_loop().time
        deaths = 0
        while True:
            began = clock()
            how = await self.children[program.name].ended()
            deaths = 1 if clock() - began > _SOUND else deaths + 1
            rest = 0.0 if deaths == 1 else min(2.0 ** (deaths - 2), _LONGEST_REST)
            again = f"in {rest:g} s" if rest else "at once"
            self.say(f"{program.name}: ended with {how}; it starts again {again}")
            await self._died(program, clock())
            await asyncio.sleep(rest)
            try:
                await self._up(program)
                await self._back(program)
            except (BadInput, Failed, Died, OSError) as error:
                self.say(str(error))

    async def _died(self, program: Program, now: float) -> None:
        """The binary proxy takes over from a dead SDK proxy. Never the other way: nobody decided that."""
        answered = self.answering_is(program.name)
        if answered:
            self.answering = None
        if program.name != PROXIES["sdk"] or (self.primary != "sdk" and not self.routes):
            return
        self._deaths.append(now)
        if len(self._deaths) == _DEATHS and now - self._deaths[0] < _DEATHS_WITHIN:
            self._deaths.clear()
            said = f"the SDK proxy died {_DEATHS} times within {_DEATHS_WITHIN / 60:g} minutes"
            await self._taken_out("rollback", said)
        elif answered and self.ready("binary"):
            await self._taken_out("failover", "the SDK proxy died")

    async def _taken_out(self, what: str, reason: str) -> None:
        try:
            async with self._moving:
                await self.up("binary")
                if what == "rollback":
                    self.primary, self.routes = "binary", Routes()
                await self._hand("binary")
                self._tell(Change(what, "launcher", "sdk", "binary", reason))
        except (BadInput, Failed, Died) as error:
            self.say(f"the binary proxy does not take over: {error}")

    async def _back(self, program: Program) -> None:
        """Ready again: the port is its own again, if it is the primary."""
        if program.name != PROXIES[self.primary] or self.answering == self.primary:
            return
        async with self._moving:
            origin = self.answering
            await self._hand(self.primary)
            if origin is not None:
                self._tell(Change("failback", "launcher", origin, self.primary, f"{program.name} is ready again"))

    def _tell(self, change: Change) -> None:
        """Of what was done already: to do it could not wait for the disk."""
        self.say(f"{change.what}: {change.origin} -> {change.to}: {change.reason}")
        with suppress(OSError):
            self.journal.add(change)

    async def _hand(self, to: Primary) -> None:
        origin = self.answering
        if self.routes:
            self._front.open(self.sockets[PRODUCTION])
        else:
            await self._taken(self.children[PROXIES[to]])
            self._front.close()
        self.answering = to
        for each, name in PROXIES.items():
            child = self.children.get(name)
            if child is not None and (each == origin or child.serves()) and (self.routes or each != to):
                await self._let_go(child)

    async def _taken(self, child: Child) -> None:
        try:
            await child.ask("take")
        except Died:
            child.signal(signal.SIGKILL)  # alive, but deaf: started again, it hears
            raise

    async def _let_go(self, child: Child) -> None:
        try:
            await child.ask("let_go")
        except Died as error:
            self.say(f"{error}: it is ended")
            child.signal(signal.SIGKILL)  # it would go on taking clients from the port

    def _chosen(self, head: bytes) -> Primary:
        return self.routes.proxy(headers_of(head), self.answering or self.primary)

    def port(self, program: Program) -> int:
        """Where its users find it."""
        if program.takes_production and program.name == PROXIES[self.primary]:
            return port_of(self.sockets, PRODUCTION)
        return port_of(self.sockets, program.own[-1])

    def _socket(self, name: str) -> None:
        if name not in self.sockets:
            address = self.plan.addresses.get(name)
            self.sockets[name] = private() if address is None else bound(name, *address)

    def _log(self, program: Program) -> Path:
        return self.plan.logs / f"{program.name}.log"

    def state(self) -> dict[str, Any]:
        programs = [
            {
                "name": name,
                "pid": child.pid,
                "port": self.port(child.program),
                "ready": child.ready and child.is_alive(),
            }
            for name, child in self.children.items()
        ]
        shadow = self.shadow.pid if self.shadow is not None else None
        told = {"routes": self.routes.said, "programs": programs, "shadow": shadow}
        return {"primary": self.primary, "answering": self.answering, **told}


def _given(program: Program) -> int:
    return len(program.own) + program.takes_production


def _not_started(program: Program, log: Path, code: int | None) -> Failed:
    said = f"{program.name} ended with exit code {code}; {log} ends:\n{_tail(log)}"
    return Failed(said, 2 if code == 2 else 1)


def _tail(log: Path, lines: int = 10) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


async def _until(work: Coroutine[None, None, None], stopped: asyncio.Task[bool]) -> None:
    """`work`, unless the launcher is to stop: then it is cancelled."""
    task = asyncio.ensure_future(work)
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return
    await task
