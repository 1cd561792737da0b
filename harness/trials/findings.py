"""What a trial found, as values: the faults of a fuzzed request, and where a canary sings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model import Failure, Request, Response

TRACEBACK = re.compile(rb"Traceback \(most recent call last\)")


@dataclass(frozen=True, slots=True)
class Fault:
    request: Request
    what: str


def faults(request: Request, baseline: Response | Failure, candidate: Response | Failure) -> Iterator[Fault]:
    """What the candidate does worse than the baseline to one request."""
    if isinstance(candidate, Failure):
        if not isinstance(baseline, Failure):
            yield Fault(request, f"{candidate.kind}: {candidate.message}; the baseline answers {baseline.status}")
        return
    if candidate.failure is not None and not (isinstance(baseline, Response) and baseline.failure is not None):
        yield Fault(request, f"{candidate.status}, then {candidate.failure.kind}: {candidate.failure.message}")
    told = baseline.status if isinstance(baseline, Response) else 0
    if candidate.status >= 500 > told > 0:
        yield Fault(request, f"{candidate.status}, where the baseline answers {told}: {candidate.body[:300]!r}")
    elif told and candidate.status != told:
        yield Fault(request, f"{candidate.status}, where the baseline answers {told}")
    if TRACEBACK.search(candidate.body):
        yield Fault(request, f"{candidate.status} with a traceback in its body")


def tracebacks(log: bytes) -> tuple[str, ...]:
    """The last line of each: the exception, without what it carries."""
    return tuple(_exception(part) for part in TRACEBACK.split(log)[1:])


def _exception(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").split("\n")[1:]
    ends = (line for line in lines if line and not line.startswith((" ", "\t")))
    return next(ends, "?").partition(":")[0]


def sung(canaries: Mapping[str, str], files: Iterable[Path], texts: Mapping[str, bytes]) -> tuple[str, ...]:
    """`<what the secret is> in <where>`, for every secret that is in a file or in a text."""
    places = [*((str(file), file.read_bytes()) for file in files if file.is_file()), *texts.items()]
    return tuple(
        f"{what} in {place}" for what, secret in canaries.items() for place, data in places if secret.encode() in data
    )
