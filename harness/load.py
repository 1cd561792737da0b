"""What Locust runs: `locust -f harness/load.py`; web page, `--headless`, `--processes`, `--master`, `--worker` work.

The recorded mix against a gateway, the SDK proxy unless `--host` says otherwise. Locust's table has, beside the calls:

    TTFT      the time to the first event with content, of streams
    ITL       the mean time between two events with content, a stream
    good      calls that were whole and right and began within the promised time: their rate is the goodput

A 200 with a broken, truncated or wrong stream is a failure. Workers that are lost in the middle end it with exit code
3, a line that says so, and what was measured. Nobody imports this module: Locust's gevent patches the
process that does.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from random import Random
from time import perf_counter
from types import FrameType
from typing import Any, ClassVar

from gevent import sleep, spawn
from gevent.lock import RLock, Semaphore
from gevent.pool import Group
from locust import LoadTestShape, User, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import (
    STATE_CLEANUP,
    STATE_MISSING,
    STATE_STOPPED,
    STATE_STOPPING,
    MasterRunner,
    Runner,
    WorkerRunner,
)

from harness.errors import BadInput
from harness.model import Scenario
from harness.performance.connection import Connection
from harness.performance.ledger import Ledger, ledger_of, tree_of
from harness.performance.mix import CLIENTS, Call, Mix, mix_from, mix_of
from harness.performance.shapes import DURATIONS, SHAPES
from harness.traffic.scenario_file import read

_FAN_OUT = (8, 15)  # calls that PyCharm sends at once
_COUNTS = (3, 8)  # count_tokens calls that Claude Code sends at once
_USERS = 50
_OVER = (STATE_STOPPING, STATE_STOPPED, STATE_CLEANUP)
_LOST = 3  # the exit code
_LOOK = 0.02  # seconds between two looks at the process's own lateness


@events.init_command_line_parser.add_listener
def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--key", env_var="LITELLM_MASTER_KEY", default="", help="The gateway's key.", include_in_web_ui=False
    )
    parser.add_argument("--shape", choices=[*SHAPES], default="steady", help="How the number of users goes.")
    parser.add_argument(
        "--scenarios", default="scenarios", help="The folder of the recordings.", include_in_web_ui=False
    )
    parser.add_argument("--mix", default="", help="The calls, made of recordings before.", include_in_web_ui=False)
    parser.add_argument("--pause", type=float, default=0.0, help="Seconds that a user rests at most.")
    parser.add_argument(
        "--arriving", type=float, default=0.0, help="Seconds in which the users begin, each at a time of its own."
    )
    parser.add_argument("--promised", type=float, default=0.52, help="Seconds to the first content of a good call.")
    parser.add_argument("--only", default="", help="Only calls whose name holds this: '/messages streamed'.")
    parser.add_argument("--in-flight", type=int, default=0, help="Calls at once of one process; 0: as the users will.")
    parser.add_argument("--measured", default="", help="Write what was measured to this file.", include_in_web_ui=False)


class _Room:
    """The calls that are in flight; `free` limits them."""

    def __init__(self) -> None:
        self.taken = 0
        self.free: AbstractContextManager[Any] = nullcontext()

    @contextmanager
    def one(self) -> Iterator[None]:
        with self.free:
            self.taken += 1
            try:
                yield
            finally:
                self.taken -= 1


class _Clock:
    """Seconds since the start of the test."""

    def __init__(self) -> None:
        self.began = perf_counter()

    @property
    def second(self) -> int:
        return int(perf_counter() - self.began)


class _Workers:
    """Those of a master: who has been there, and who is not any more. After an end that was meant nobody is lost."""

    def __init__(self) -> None:
        self.seen = set[str]()
        self.ends = False

    def lost(self, master: MasterRunner) -> int:
        there = {name for name, worker in master.clients.items() if worker.state != STATE_MISSING}
        self.seen |= there
        return len(self.seen - there)

    def interrupted(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C comes to the workers as well, and they leave at once."""
        self.ends = True
        signal.default_int_handler(number, frame)


_ledger, _room, _clock, _workers, _loading = Ledger(), _Room(), _Clock(), _Workers(), RLock()


@events.init.add_listener
def _prepare(environment: Environment, **_: Any) -> None:
    """A wrong key or folder is told once and before the first call, not by every user."""
    options = environment.parsed_options
    if not options.key:
        raise SystemExit("error: no key for the gateway: give --key, or set LITELLM_MASTER_KEY")
    try:
        mix = _mix(options)
        environment.user_classes = [user for user in environment.user_classes if user.has_work(mix)]
    except BadInput as error:
        raise SystemExit(f"error: {error}") from None
    if isinstance(environment.runner, MasterRunner):
        signal.signal(signal.SIGINT, _workers.interrupted)
    spawn(_watch, environment.runner)
    gc.freeze()  # a collection in the middle of a thousand streams would be seen as the gateway's delay


def _watch(runner: Runner) -> None:
    """As long as the process lives: how late it is, who is there, and, in a master, who is lost."""
    noted = -1
    while True:
        due = perf_counter() + _LOOK
        sleep(_LOOK)
        _ledger.lag.add(max(0.0, perf_counter() - due))
        if isinstance(runner, MasterRunner):
            _count_lost(runner)
        elif (second := _clock.second) != noted:
            noted = second
            _ledger.note(second, runner.user_count, _room.taken)


def _count_lost(runner: Runner) -> None:
    if isinstance(runner, MasterRunner) and not _workers.ends:
        _ledger.lost = _workers.lost(runner)


@events.test_stopping.add_listener
def _end(environment: Environment, **_: Any) -> None:
    """Also where the last worker is lost, before anybody has looked; from here on they leave because they are told."""
    _count_lost(environment.runner)
    _workers.ends = True


@events.test_start.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    _ledger.clear()
    _workers.seen.clear()
    _workers.ends = False
    _ledger.promised = options.promised
    _room.free = Semaphore(options.in_flight) if options.in_flight else nullcontext()
    _clock.began = perf_counter()


@events.report_to_master.add_listener
def _to_master(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - Locust passes them by name
    data["ledger"] = tree_of(_ledger)
    _ledger.clear()


@events.worker_report.add_listener
def _from_worker(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001
    _ledger.merge(ledger_of(data["ledger"]))


@events.quitting.add_listener
def _write(environment: Environment, **_: Any) -> None:
    if _ledger.lost:
        environment.process_exit_code = _LOST
    file = environment.parsed_options.measured
    if file and not isinstance(environment.runner, WorkerRunner):
        Path(file).write_text(json.dumps(tree_of(_ledger)), encoding="utf-8")


@events.quit.add_listener
def _tell_lost(exit_code: int) -> None:  # noqa: ARG001 - Locust passes it by name
    """Below Locust's tables: the last that is read."""
    if _ledger.lost:
        told = f"{_ledger.lost} of {len(_workers.seen)} workers of Locust were lost in the middle, with what they had"
        sys.stderr.write(f"error: {told} measured since their last word; the rest is above\n")


def _mix(options: Namespace) -> Mix:
    with _loading:
        return _loaded(options.mix or options.scenarios, options.only)


@cache
def _loaded(place: str, only: str) -> Mix:
    mix = mix_from(Path(place).read_text(encoding="utf-8")) if Path(place).is_file() else mix_of(_recorded(place))
    if not only:
        return mix
    turns = tuple((call,) for turn in mix.turns for call in turn if only in call.name)
    fan_out, counts = (tuple(call for call in calls if only in call.name) for calls in (mix.fan_out, mix.counts))
    if not (turns or fan_out or counts):
        raise BadInput(f"no call of the mix has {only!r} in its name")
    return Mix(turns, fan_out, counts)


def _recorded(folder: str) -> Iterator[Scenario]:
    """A worker is ready for Locust's master before it has read them, and has to be heard of meanwhile."""
    for file in (file for client in CLIENTS for file in sorted(Path(folder, client).glob("*.yaml"))):
        yield read(file)
        sleep(0)


class _Client(User):
    """Somebody's program: it has its connections, and chooses by numbers of its own."""

    abstract = True
    host = "http://127.0.0.1:8765"
    _numbers: ClassVar[Random] = Random(0)  # noqa: S311 - a choice, not a secret

    @staticmethod
    def has_work(mix: Mix) -> bool:
        """Whether `--only` has left it any call: a user without would spin."""
        raise NotImplementedError

    def on_start(self) -> None:
        options = self.environment.parsed_options
        self.wait_time = between(0, options.pause).__get__(self)
        self._mix = _mix(options)
        self._random = Random(self._numbers.random())  # noqa: S311
        self._idle: list[Connection] = []
        sleep(self._random.uniform(0, options.arriving))  # Locust would spawn so many each second, all at once

    def on_stop(self) -> None:
        for connection in self._idle:
            connection.close()

    def _send(self, call: Call) -> None:
        with _room.one():
            if self.environment.runner.state in _OVER:  # what waited for room, or is left of a conversation
                return
            connection = self._idle.pop() if self._idle else self._connection()
            outcome = connection.send(call)
            self._idle.append(connection)
        good = _ledger.add(call.name, call.streams, outcome, _clock.second)
        failure = RuntimeError(outcome.failure) if outcome.failure else None
        self._tell(call.method, call.name, outcome.total, outcome.size, failure)
        if outcome.ttft is not None and call.streams:
            self._tell("TTFT", call.name, outcome.ttft)
        if outcome.gaps:
            self._tell("ITL", call.name, sum(outcome.gaps) / len(outcome.gaps))
        if good:
            self._tell("good", call.name, outcome.total)

    def _at_once(self, calls: Iterable[Call]) -> None:
        sleep(0)  # there may be none
        group = Group()
        for call in calls:
            group.spawn(self._send, call)
        group.join()

    def _connection(self) -> Connection:
        return Connection(self.host or "", self.environment.parsed_options.key)

    def _tell(self, kind: str, name: str, seconds: float, size: int = 0, failure: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=seconds * 1000,
            response_length=size,
            exception=failure,
            context={},
        )

    def _some(self, calls: tuple[Call, ...], between_: tuple[int, int]) -> list[Call]:
        return self._random.choices(calls, k=self._random.randint(*between_)) if calls else []


class ClaudeCode(_Client):
    """A conversation, call after call, with its tool loops; now and then its tokens are counted before it."""

    weight = 3

    @staticmethod
    def has_work(mix: Mix) -> bool:
        return bool(mix.turns or mix.counts)

    @task(4)
    def converse(self) -> None:
        for call in self._random.choice(self._mix.turns or ((),)):
            self._send(call)

    @task(1)
    def count_tokens(self) -> None:
        self._at_once(self._some(self._mix.counts, _COUNTS))


class PyCharm(_Client):
    """One prompt of a developer, many calls at once."""

    weight = 1

    @staticmethod
    def has_work(mix: Mix) -> bool:
        return bool(mix.fan_out)

    @task
    def fan_out(self) -> None:
        self._at_once(self._some(self._mix.fan_out, _FAN_OUT))


class Load(LoadTestShape):
    """`--shape`, with Locust's own --users, --spawn-rate and --run-time."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        options = self.runner.environment.parsed_options
        whole = float(options.run_time or DURATIONS[options.shape])
        elapsed = self.get_run_time()
        if elapsed > whole:
            return None
        most = int(options.num_users or _USERS)
        return SHAPES[options.shape](elapsed, whole, most), float(options.spawn_rate or most)
