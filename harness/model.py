"""The nouns of the harness, in the order that traffic becomes a verdict.

Bytes are kept as they were on the wire: headers in wire order with their own case, bodies undecoded and in the
chunks that they came in. What they mean (JSON, SSE events, messages) is derived from them by `comparison`.
Times are seconds, as floats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import Literal, TypeAlias, Union

Json: TypeAlias = Union[bool, int, float, str, list["Json"], dict[str, "Json"], None]  # noqa: UP007 - holds names
# kept: it can be used again. closed: as the answer said. dropped: without a word.
Connection: TypeAlias = Literal["kept", "closed", "dropped"]
Headers: TypeAlias = tuple[tuple[str, str], ...]  # a repeated name is a repeated pair; text is latin-1


def header(headers: Headers, name: str) -> str | None:
    """The first value of that name, case-insensitively (RFC 9110, section 5.1), or None."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None


# --- the wire -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str  # origin-form, the query included
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Failure:
    """What came instead of a response, or instead of a response's end; an HTTP 500 is a response, not a failure.

    refused: no connection. timeout: no byte for too long. cut: the connection closed before the message was whole.
    left: the client itself hung up, because its step says so. surplus: bytes came that no message has room for.
    """

    kind: Literal["refused", "timeout", "cut", "left", "surplus"]
    message: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a chunked body, or one read of any other; `at` counts from the moment the request was sent."""

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Headers = ()
    chunks: tuple[Chunk, ...] = ()
    failure: Failure | None = None  # how it ended, where it did not end well
    connection: Connection | None = None  # what became of it behind the whole answer, where somebody looked

    @property
    def body(self) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call on the wire; `step` is the step of the scenario that it belongs to, `at` when it began."""

    request: Request
    outcome: Response | Failure
    step: int = 0
    at: float = 0.0


# --- the input ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """These bytes go out as one chunk of their own."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class WaitForClient:
    """Hold the rest back until the client has seen that many events of this step: a proxy that buffers stops here."""

    events: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends here, without the end of the message: in order (FIN), or not (RST)."""

    how: Literal["fin", "rst"]


Act: TypeAlias = Send | Wait | WaitForClient | Cut


@dataclass(frozen=True, slots=True)
class Reply:
    """What the simulated upstream answers to one call.

    `before` is done before the status line goes out (a `Cut` there means that none ever does). With `acts` None the
    body is sent at once with a content-length; otherwise the body is a chunked stream, made of the acts in order.
    """

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    acts: tuple[Act, ...] | None = None
    before: tuple[Wait | Cut, ...] = ()


@dataclass(frozen=True, slots=True)
class Must:
    """What holds for every target, whatever the baseline does: a guard against being equally wrong.

    `path` is a path of the compared tree, `/client/0/response/status`. Exactly one check is set.
    """

    path: str
    check: Literal["equals", "matches", "absent"]
    value: Json = None


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the client, and what the upstream answers to the calls that it causes, in order."""

    request: Request
    replies: tuple[Reply, ...] = ()
    must: tuple[Must, ...] = ()
    together: bool = False  # sent at the same time as the step before, not after its end
    leave_after: int | None = None  # the client hangs up at that many events; 0: when the upstream has the call


@dataclass(frozen=True, slots=True)
class Scenario:
    id: str  # "claude-code/tool-loop": the folder and the file's name
    client: str  # the folder
    title: str
    source: str  # "recorded 2026-11-22, claude-cli 2.1.197", or "scripted"
    covers: tuple[str, ...]
    steps: tuple[Step, ...]
    without_calls: str | None = None  # why the baseline asks for no reply in it, although there are some

    @property
    def recorded(self) -> bool:
        return self.source.startswith("recorded")


# --- who is compared ------------------------------------------------------------------------------------------------


class Role(StrEnum):
    BASELINE = "baseline"
    AGAIN = "baseline again"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Process:
    """One program of a target. `command`, `ready` and `env` may hold {names}: ports, folders, the upstream's URL."""

    name: str
    command: tuple[str, ...]
    ready: str  # the URL that answers 200 once the program can be used
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway: the programs that make it, in the order of their start, or just the URL of one that runs already."""

    name: str
    url: str  # the client's side; may hold {names}
    processes: tuple[Process, ...] = ()
    version: tuple[str, ...] = ()  # a command that prints it


# --- what was seen --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effects:
    """The side effects of one target in one scenario."""

    calls: tuple[int, ...] = ()  # upstream calls per step
    aborted: tuple[str, ...] = ()  # upstream calls that the target left before their end: "step 0 call 0"
    unexpected: tuple[str, ...] = ()  # calls that no reply was there for: "step 0: POST /v1/messages"
    unused: tuple[str, ...] = ()  # replies that nobody asked for: "step 0 reply 1"
    withheld: tuple[str, ...] = ()  # a wait_for_client that ran out: "step 0 call 0: event 1"


@dataclass(frozen=True, slots=True)
class Observation:
    """Both faces of one target during one scenario, and the side effects."""

    scenario: str
    target: str
    role: Role
    client: tuple[Exchange, ...]
    upstream: tuple[Exchange, ...]
    effects: Effects
    problem: str | None = None  # why the scenario could not be played to its end, if it could not
    attempt: int = 0  # from 1 on: a replay, to tell a difference from chance


@dataclass(frozen=True, slots=True)
class Footprint:
    """What running one target cost beside its answers. Memory is the resident set of all its processes, in bytes."""

    role: Role
    start: float  # seconds until all of its programs were ready
    rss_before: int  # once it was warm
    rss_after: int  # when everything had been played
    requests: int  # of clients, between the two
    leaks: tuple[str, ...] = ()  # secrets in its logs: "sdk-proxy.log: <OPENAI_API_KEY>"
    files_before: int = 0  # open descriptors of all its processes, once it was warm
    files_after: int = 0
    calls: int = 0  # that its upstream had between the two
    connections: int = 0  # that were opened for them


# --- what was found -------------------------------------------------------------------------------------------------


class Kind(StrEnum):
    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"
    TYPE = "type"
    ORDER = "order"


class Severity(StrEnum):
    """What a difference does to a client, the worst first.

    So far only what is cosmetic is told apart (`verdict.severity`); a difference of which nothing is known has none.
    """

    STOPS = "stops"  # a client fails, hangs, or loses its session
    WRONG = "wrong"  # a client goes on with something else
    ASKS_DIFFERENTLY = "asks differently"  # the provider is sent something else
    LOST = "lost"  # information is gone
    COSMETIC = "cosmetic"  # no client can see it


class Absent(Enum):
    """The value of a key that is not there, as opposed to one that is null."""

    ABSENT = auto()


@dataclass(frozen=True, slots=True)
class Difference:
    path: str
    baseline: Json | Absent
    candidate: Json | Absent
    order: bool = False  # the same keys, in the orders that are told: of the object at `path`
    severity: Severity | None = None  # None: nothing is known of it

    @property
    def kind(self) -> Kind:
        if self.order:
            return Kind.ORDER
        if self.candidate is Absent.ABSENT:
            return Kind.MISSING
        if self.baseline is Absent.ABSENT:
            return Kind.EXTRA
        return Kind.CHANGED if type(self.baseline) is type(self.candidate) else Kind.TYPE


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparison found in one scenario: what the verdict is made of."""

    scenario: str
    trees: Mapping[Role, Json] = field(default_factory=dict)  # as observed, nothing renamed; none with a problem
    noise: tuple[Difference, ...] = ()  # baseline against itself
    found: tuple[Difference, ...] = ()  # baseline against the candidate
    problem: str | None = None
    attempt: int = 0  # the candidate's


@dataclass(frozen=True, slots=True)
class LateStreams:
    """How many streams all three targets have passed on, and how many came late on one of them alone.

    A machine that stands still makes any of the three late, as often the one as the other.
    """

    streams: int = 0
    baseline: int = 0  # late on one of its two instances
    candidate: int = 0

    def __add__(self, other: LateStreams) -> LateStreams:
        return LateStreams(
            self.streams + other.streams, self.baseline + other.baseline, self.candidate + other.candidate
        )


@dataclass(frozen=True, slots=True)
class Declaration:
    """A difference that somebody decided to allow. `where` and `scenarios` are patterns: see `verdict.declared`."""

    id: str
    where: str
    kinds: frozenset[Kind]
    why: str
    since: str  # ISO date
    scenarios: str = "**"
    better: bool = False  # an improvement: needs a `must` that the candidate passes and the baseline fails
    until: str | None = None  # ISO date
    when: tuple[tuple[str, str], ...] = ()  # what else is true of the call: see `verdict.condition`


@dataclass(frozen=True, slots=True)
class Broken:
    """A `must` that did not hold."""

    role: Role
    must: Must
    found: Json | Absent


class Outcome(StrEnum):
    SAME = "same"
    ALLOWED = "allowed"
    COSMETIC = "cosmetic"  # what is undeclared in it is cosmetic
    DIFFERENT = "different"
    NOISY = "noisy"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement over one scenario."""

    scenario: str
    outcome: Outcome
    allowed: tuple[tuple[Difference, Declaration], ...] = ()
    unexplained: tuple[Difference, ...] = ()
    noise: tuple[Difference, ...] = ()  # baseline against itself
    broken: tuple[Broken, ...] = ()
    problem: str | None = None
    replays: int = 0  # it was played that many times more, because of what was found at first


@dataclass(frozen=True, slots=True)
class Excess:
    """Something that the candidate's process does worse than the baseline's, beyond what is noise."""

    sense: str  # start time, memory, descriptors, upstream connections, secrets in logs, late streams
    told: str


@dataclass(frozen=True, slots=True)
class Planted:
    """What came of one regression that was planted to see whether the harness notices."""

    name: str
    face: str  # client, upstream or process: where it was planted
    sense: str  # the one that is meant to notice
    scenario: str
    bitten: bool  # whether anything passed that it could change
    by: tuple[str, ...] = ()  # the senses that found something
    where: str = ""  # the path of what the sense that is meant found first

    @property
    def caught(self) -> bool:
        return self.bitten and self.sense in self.by


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement over a whole run: what the reports are written from."""

    run: str  # the id: reports/runs/<id>
    seed: int
    seconds: float
    targets: tuple[tuple[Role, str, str], ...]  # role, name, version
    scenarios: tuple[Scenario, ...]
    verdicts: tuple[Verdict, ...]
    exchanges_client: int
    exchanges_upstream: int
    folder: Path
    footprints: tuple[Footprint, ...] = ()
    excesses: tuple[Excess, ...] = ()
    unused: tuple[Declaration, ...] = ()  # nothing in the run is like them
    expired: tuple[Declaration, ...] = ()
    shadowed: tuple[Declaration, ...] = ()  # explain nothing that an earlier one does not
    unproven: tuple[Declaration, ...] = ()  # `better`, and no must that shows it
    cosmetic: Literal["agree", "differ"] = "agree"  # what targets do that differ in cosmetic differences alone

    @property
    def stale(self) -> tuple[tuple[str, Declaration], ...]:
        """The declarations that are no longer true, each with what is wrong with it."""
        wrong = {"unused": self.unused, "expired": self.expired, "shadowed": self.shadowed, "unproven": self.unproven}
        return tuple((what, declaration) for what, declarations in wrong.items() for declaration in declarations)

    @property
    def exit_code(self) -> Literal[0, 1, 2]:
        """0: the proxies agree. 1: they differ. 2: no judgement is possible."""
        outcomes = {verdict.outcome for verdict in self.verdicts}
        if not outcomes or outcomes & {Outcome.NOISY, Outcome.BROKEN}:
            return 2
        if self.differs or (self.cosmetic == "differ" and Outcome.COSMETIC in outcomes):
            return 1
        return 0 if self.exchanges_upstream else 2

    @property
    def differs(self) -> bool:
        """Whether something is wrong that is not cosmetic."""
        return bool(self.stale or self.excesses) or any(each.outcome is Outcome.DIFFERENT for each in self.verdicts)

    @property
    def problem(self) -> str | None:
        """Why the whole run judges nothing, where no scenario of it is the reason."""
        if self.verdicts and not self.exchanges_upstream:
            return (
                "0 upstream exchanges: no call of any scenario reached the simulated upstream, which proves nothing: "
                "add a scenario that a provider answers, or look at the targets' configuration"
            )
        return None
