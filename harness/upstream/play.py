"""One scenario while it is played: what each step has in flight, which replies are left, what was called."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from harness.model import Chunk, Effects, Exchange, Failure, Headers, Reply, Request, Response, Scenario, Step
from harness.upstream.ending import is_whole
from harness.upstream.script import Candidate, choose
from harness.upstream.speech import Speech


class Progress:
    """How many events the client of a step has seen; whoever wants more can wait for it. `leaves_at`: where the client
    hangs up; None: it does not."""

    def __init__(self, leaves_at: int | None = None) -> None:
        self.events = 0
        self.leaves_at = leaves_at
        self._grown = asyncio.Event()

    def saw(self, events: int) -> None:
        self.events = events
        self._grown.set()
        self._grown = asyncio.Event()

    async def reaches(self, events: int) -> None:
        while self.events < events:
            await self._grown.wait()


class Call:
    """One call of the upstream: what it asked, and what was sent so far."""

    def __init__(self, request: Request, reply: Reply, place: str, step: int = 0, since: float = 0.0) -> None:
        self.request = request
        self.reply = reply
        self.place = place  # how the effects name it: "step 0 call 0"
        self.step = step
        self.withheld: list[str] = []
        self.finished = asyncio.Event()
        self._began = time.monotonic()
        self._at = self._began - since if since else 0.0
        self._head: tuple[int, Headers] | None = None
        self._chunks: list[Chunk] = []
        self._failure: Failure | None = None

    @property
    def left(self) -> bool:
        """Whether the target hung up before the answer was complete."""
        return self._failure is not None and self._failure.kind == "left"

    def started(self, status: int, headers: Headers) -> None:
        self._head = (status, headers)

    def sent(self, data: bytes) -> None:
        self._chunks.append(Chunk(time.monotonic() - self._began, data))

    def finish(self, failure: Failure | None = None) -> None:
        self._failure = failure
        self.finished.set()

    def leave(self) -> None:
        """The target has hung up; after the last event of the answer that is no loss."""
        whole = self._head is not None and is_whole(self._head[1], b"".join(chunk.data for chunk in self._chunks))
        self.finish(None if whole else Failure("left", "the target hung up before the answer was complete"))

    def exchange(self) -> Exchange:
        failure = self._failure if self.finished.is_set() else Failure("timeout", "still open when the scenario ended")
        if self._head is None:
            return Exchange(self.request, failure or Failure("cut", "nothing was sent"), self.step, self._at)
        response = Response(*self._head, tuple(self._chunks), failure)
        return Exchange(self.request, response, self.step, self._at)


class _StepState:
    def __init__(self, step: Step) -> None:
        self.step = step
        self.begun = self.in_flight = False
        self.calls = self.used = 0  # a call that nothing was scripted for uses no reply
        self.progress = Progress(step.leave_after)
        self.called = asyncio.Event()
        self.speech = Speech.of(step.request)

    @property
    def unused(self) -> tuple[Reply, ...]:
        return self.step.replies[self.used :]

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.step.request, self.calls)


class Play:
    """The state of one scenario between its first request and its last answer.

    The client's side calls `begin`, `client_saw` and `end` for each step; the upstream's side calls `take`.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.calls: list[Call] = []
        self.doubtful = False  # a call may have been taken for this play's that was another's, or the reverse
        self._unexpected: list[str] = []
        self._steps = [_StepState(step) for step in scenario.steps]
        self._began = time.monotonic()

    # --- the client's side ---

    def begin(self, step: int) -> float:
        """The step's request goes out now: that many seconds after the scenario began."""
        self._steps[step].begun = self._steps[step].in_flight = True
        return time.monotonic() - self._began

    def end(self, step: int) -> None:
        self._steps[step].in_flight = False

    def client_saw(self, step: int, events: int) -> None:
        self._steps[step].progress.saw(events)

    async def called(self, step: int) -> None:
        """Returns once the upstream has a call of that step."""
        await self._steps[step].called.wait()

    async def settle(self, seconds: float) -> None:
        """Wait until every call has been answered or left, but no longer than that."""
        try:
            async with asyncio.timeout(seconds):
                for call in self.calls:
                    await call.finished.wait()
        except TimeoutError:
            return  # `Call.exchange` says which were still open

    # --- the upstream's side ---

    def in_flight(self) -> list[int]:
        return [index for index, state in enumerate(self._steps) if state.in_flight]

    def late(self) -> list[int]:
        """Steps that are over and have replies left: a gateway may go on retrying after its client has left."""
        return [
            index for index, state in enumerate(self._steps) if state.begun and not state.in_flight and state.unused
        ]

    def speakers(self, text: str) -> list[int]:
        """The steps begun so far whose user's words are all in that text; of those that say the same and more."""
        said = {
            index: state.speech.said
            for index, state in enumerate(self._steps)
            if state.begun and state.speech.heard_in(text)
        }
        return [index for index, mine in said.items() if not any(mine < other for other in said.values())]

    def has_reply(self, step: int) -> bool:
        return bool(self._steps[step].unused)

    def candidate(self, step: int) -> Candidate:
        return self._steps[step].candidate

    def progress(self, step: int) -> Progress:
        return self._steps[step].progress

    def take(self, step: int, request: Request) -> Call:
        """The call gets the next reply of that step, which must have one."""
        state = self._steps[step]
        state.used += 1
        return self._begin_call(step, request, state.step.replies[state.used - 1])

    def refuse(self, step: int | None, request: Request, reply: Reply) -> Call:
        """A call that nothing was scripted for."""
        place = "no step" if step is None else f"step {step}"
        self._unexpected.append(f"{place}: {request.method} {request.path}")
        if step is None:
            return self._record(Call(request, reply, place, since=self._began))
        return self._begin_call(step, request, reply)

    def _begin_call(self, step: int, request: Request, reply: Reply) -> Call:
        state = self._steps[step]
        call = Call(request, reply, f"step {step} call {state.calls}", step, self._began)
        state.calls += 1
        state.called.set()
        return self._record(call)

    def _record(self, call: Call) -> Call:
        self.calls.append(call)
        return call

    # --- what was seen ---

    def exchanges(self) -> tuple[Exchange, ...]:
        """By step, and within it in the order of the calls."""
        return tuple(sorted((call.exchange() for call in self.calls), key=lambda each: (each.step, each.at)))

    def effects(self) -> Effects:
        return Effects(
            calls=tuple(state.calls for state in self._steps),
            aborted=tuple(sorted(call.place for call in self.calls if call.left)),
            unexpected=tuple(self._unexpected),
            unused=tuple(self._unused()),
            withheld=tuple(sorted(note for call in self.calls for note in call.withheld)),
        )

    def _unused(self) -> Iterator[str]:
        for index, state in enumerate(self._steps):
            for number in range(state.used, len(state.step.replies)):
                yield f"step {index} reply {number}"


Place: TypeAlias = tuple[Play, int | None]


class Stage:
    """All the plays that run at once on one upstream."""

    def __init__(self) -> None:
        self.plays: list[Play] = []

    def place_of(self, request: Request) -> Place | None:
        """The step that caused a call: one whose user's words are in it, if there is one.

        Where several plays could have caused it, or none by its words, the best guess is taken, and all of them are
        `doubtful`: what was seen of them counts only once they were played alone.
        """
        spoken = self._speakers(Speech.of(request).whole)
        plays = [play for play in self.plays if play in spoken] or self.plays
        if len(plays) > 1:
            for play in plays:
                play.doubtful = True
        return self._place_among(plays, spoken, request)

    def _speakers(self, text: str) -> dict[Play, list[int]]:
        found = {play: play.speakers(text) for play in self.plays}
        return {play: steps for play, steps in found.items() if steps}

    @staticmethod
    def _place_among(plays: Sequence[Play], spoken: Mapping[Play, list[int]], request: Request) -> Place | None:
        """First of all a step in flight that has a reply left.

        A call that none can have caused belongs to no step of the only play that there is, if there is only one.
        """

        def places(steps: Callable[[Play], list[int]]) -> list[tuple[Play, int]]:
            return [(play, step) for play in plays for step in steps(play) if step in spoken.get(play, [step])]

        flying, late = places(Play.in_flight), places(Play.late)
        waiting = [(play, step) for play, step in flying if play.has_reply(step)]
        over = [(play, step) for play in plays for step in spoken.get(play, [])]
        alone = (plays[0], None) if len(plays) == 1 else None
        return _chosen(waiting, request) or _chosen([*flying, *late], request) or _chosen(over, request) or alone


def _chosen(places: Sequence[tuple[Play, int]], request: Request) -> tuple[Play, int] | None:
    chosen = choose([play.candidate(step) for play, step in places], request)
    return None if chosen is None else places[chosen]
