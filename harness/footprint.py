"""What running a target cost beside its answers, measured from outside: its start, its memory and descriptors, its
upstream connections, what its logs say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import BadInput
from harness.model import Footprint, Role
from harness.performance.sampling import Sample, sample
from harness.replay.run import Site

FOOTPRINTS = "footprints.json"


@dataclass(frozen=True, slots=True)
class _Moment:
    processes: Sample
    calls: int  # of the upstream, since it was started
    connections: int


class Meter:
    """Measures a warm target while requests are sent to it, which whoever sends them counts here."""

    def __init__(self, place: Site, start: float) -> None:
        self.requests = 0
        self._place, self._start = place, start
        self._before = self._after = self._now()
        self._leaks: tuple[str, ...] = ()

    def stop(self) -> None:
        """Before the target is stopped: the secrets are struck out of its logs then."""
        self._after = self._now()
        self._leaks = tuple(leaked(self._place.target.logs, {self._place.key: "<key>", **self._place.hidden}))

    def result(self) -> Footprint:
        before, after = self._before, self._after
        return Footprint(
            self._place.role,
            self._start,
            before.processes.rss,
            after.processes.rss,
            self.requests,
            self._leaks,
            before.processes.files,
            after.processes.files,
            after.calls - before.calls,
            after.connections - before.connections,
        )

    def _now(self) -> _Moment:
        upstream = self._place.upstream
        return _Moment(sample(self._place.target.pids), upstream.calls, upstream.opened)


@contextmanager
def measuring(place: Site, start: float) -> Iterator[Meter]:
    """`start` is how many seconds the target took to be ready."""
    meter = Meter(place, start)
    yield meter
    meter.stop()


def leaked(logs: Sequence[Path], secrets: Mapping[str, str]) -> Iterator[str]:
    """ "sdk-proxy.log: <OPENAI_API_KEY>": each secret once for each log that it is in."""
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace")
        yield from (f"{log.name}: {name}" for secret, name in secrets.items() if secret in text)


def store_footprints(footprints: Sequence[Footprint], folder: Path) -> None:
    (folder / FOOTPRINTS).write_text(json.dumps([asdict(each) for each in footprints], indent=2) + "\n", "utf-8")


def read_footprints(folder: Path) -> tuple[Footprint, ...]:
    """Of a stored run; none where it has none. Raises `BadInput`."""
    file = folder / FOOTPRINTS
    if not file.exists():
        return ()
    try:
        trees = json.loads(file.read_text(encoding="utf-8"))
        return tuple(Footprint(**{**tree, "role": Role(tree["role"]), "leaks": tuple(tree["leaks"])}) for tree in trees)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput("does not hold the footprints of a run", file) from error
