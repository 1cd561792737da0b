"""Two observations of the same scenario -> every difference in their bytes, but for what each run makes up anew.

`compare` is for gateways of different makes: it reads JSON, and learns what is volatile from two runs of a baseline.
Here two runs of one gateway are compared, in which nothing but the values that it makes up itself may differ: ids,
the time, durations. What is in the scenario's own requests and replies was not made up, and stays as it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from harness.comparison.content import decoded
from harness.model import (
    Absent,
    Difference,
    Exchange,
    Failure,
    Headers,
    Json,
    Observation,
    Scenario,
    Send,
    header,
)

_MEASURED = frozenset(
    {"x-litellm-response-duration-ms", "x-litellm-overhead-duration-ms", "x-litellm-callback-duration-ms"}
)
# Of all calls so far, where LiteLLM's Router tells them: router.py, set_response_headers; the key's spend likewise.
_COUNTED = frozenset({"x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens", "x-litellm-key-spend"})
_ID = re.compile(
    rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    rb"|(?<![0-9A-Za-z])(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{28})(?![0-9A-Za-z])"
)
_TIME = re.compile(rb'("created(?:_at)?": ?)(\d{10})')
_DATE = re.compile(rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_ADDRESS = re.compile(rb"0x[0-9a-f]{8,16}\b")  # of a Python object
_NUMBER = re.compile(r"[0-9.e-]+")
# Where one stands depends on how the events before it came together, for any two runs of LiteLLM 1.106.2.
_PING = re.compile(rb"event: ping\r?\ndata: ?\{[^\n]*\}\r?\n\r?\n")
_COSTS = ("x-litellm-response-cost", "x-litellm-key-spend")
_A_DAY = 86_400  # seconds


def compare_bytes(scenario: Scenario, one: Observation, other: Observation) -> tuple[Difference, ...]:
    """Return what differs: the answers, the upstream's calls, the effects. Their paths are those of `tree`."""
    given = given_bytes(scenario)
    left, right = (dict(_seen(observation, _Names(given))) for observation in (one, other))
    pairs = ((path, left.get(path, Absent.ABSENT), right.get(path, Absent.ABSENT)) for path in left | right)
    return tuple(Difference(path, mine, theirs) for path, mine, theirs in pairs if mine != theirs)


def given_bytes(scenario: Scenario) -> bytes:
    """Return all that a scenario gives a gateway to repeat: its requests, and the replies of its upstream."""
    parts: list[bytes] = []
    for step in scenario.steps:
        parts += [step.request.path.encode(), step.request.body, _text(step.request.headers)]
        for reply in step.replies:
            parts += [
                reply.body,
                _text(reply.headers),
                *(act.data for act in reply.acts or () if isinstance(act, Send)),
            ]
    return b"\n".join(parts)


def _text(headers: Headers) -> bytes:
    return "".join(f"{name}: {value}\n" for name, value in headers).encode("latin-1", "replace")


class _Names:
    """Names for the values that a run made up, by their first appearance."""

    def __init__(self, given: bytes) -> None:
        self._given = given
        self._now = time.time()
        self._ids: dict[bytes, bytes] = {}

    def is_given(self, text: str) -> bool:
        return text.encode("latin-1") in self._given

    def clean(self, data: bytes) -> bytes:
        data = _ID.sub(lambda found: self._id(found[0]), data)
        data = _TIME.sub(self._time, data)
        data = _ADDRESS.sub(lambda found: found[0] if found[0] in self._given else b"<address>", data)
        return _DATE.sub(lambda found: found[0] if found[0] in self._given else b"<date>", data)

    def _id(self, value: bytes) -> bytes:
        if value in self._given:
            return value
        return self._ids.setdefault(value, b"<id %d>" % (len(self._ids) + 1))

    def _time(self, found: re.Match[bytes]) -> bytes:
        is_now = found[2] not in self._given and abs(int(found[2]) - self._now) < _A_DAY
        return found[1] + b"<now>" if is_now else found[0]


def _seen(observation: Observation, names: _Names) -> Iterator[tuple[str, Json]]:
    """Yield each part of an observation with its path."""
    for exchange in observation.client:
        yield from _answer(exchange, names)
    for number, exchange in enumerate(observation.upstream):
        yield from _call(exchange, f"/upstream/{number}", names)
    effects = observation.effects
    yield "/effects/calls", [*effects.calls]
    yield "/effects/aborted", [*effects.aborted]
    yield "/effects/unexpected", [*effects.unexpected]
    yield "/effects/unused", [*effects.unused]


def _answer(exchange: Exchange, names: _Names) -> Iterator[tuple[str, Json]]:
    outcome, place = exchange.outcome, f"/client/{exchange.step}"
    if isinstance(outcome, Failure):
        yield f"{place}/failure/kind", outcome.kind
        return
    plain = decoded(outcome.body, header(outcome.headers, "content-encoding"))
    yield f"{place}/response/status", outcome.status
    yield f"{place}/response/connection", outcome.connection
    yield f"{place}/response/headers", [*_told_headers(outcome.headers, names)]
    body = names.clean(outcome.body if plain is None else plain)
    pings = _PING.findall(body)
    yield f"{place}/response/pings", len(pings)
    yield f"{place}/response/body", _shown(_PING.sub(b"", body))
    if outcome.failure is not None:
        yield f"{place}/failure/kind", outcome.failure.kind


def _call(exchange: Exchange, place: str, names: _Names) -> Iterator[tuple[str, Json]]:
    request, outcome = exchange.request, exchange.outcome
    yield f"{place}/request/line", f"{request.method} {_shown(names.clean(request.path.encode()))}"
    yield f"{place}/request/headers", [line for line in _headers(request.headers, names) if line[:5].lower() != "host:"]
    yield f"{place}/request/body", _shown(names.clean(request.body))
    failure = outcome if isinstance(outcome, Failure) else outcome.failure
    yield f"{place}/outcome", None if failure is None else failure.kind


def _told_headers(headers: Headers, names: _Names) -> Iterator[str]:
    """As `_headers`, without the costs of a call that was tried again: LiteLLM's log of the first try, which is written
    beside the second one, may set them to 0 (litellm_logging.py, `_failure_handler_helper_fn`)."""
    retried = header(headers, "x-litellm-attempted-retries") not in (None, "0")
    for line in _headers(headers, names):
        if not (retried and line.startswith(_COSTS)):
            yield line


def _headers(headers: Headers, names: _Names) -> Iterator[str]:
    """Yield a line for each, in their order."""
    for name, value in headers:
        if name.lower() in _MEASURED and _NUMBER.fullmatch(value):
            shown = "<measured>"
        elif name.lower() in _COUNTED and _NUMBER.fullmatch(value) and not names.is_given(f": {value}\n"):
            shown = "<counted>"
        else:
            shown = _shown(names.clean(value.encode("latin-1")), "latin-1")
        yield f"{name}: {shown}"


def _shown(data: bytes, encoding: str = "utf-8") -> str:
    return data.decode(encoding, "backslashreplace")
