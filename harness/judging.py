"""What was observed -> verdicts, scenario by scenario: memory does not grow with what is stored.

The file is gone through twice: what is volatile is learnt from all scenarios (of a very large run, from 2,000 to 4,000
of them) before any is compared. A large file takes all cores; what comes out is the same.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from harness.comparison.run import Reference, compare_attempts, late_in
from harness.model import Compared, Declaration, LateStreams, Observation, Role, Scenario, Verdict
from harness.observation import store
from harness.spread import spread
from harness.verdict.replayed import judge_replayed

Places: TypeAlias = Mapping[str, Sequence[store.Line]]  # scenario -> where its observations are
_MANY = 4000  # observations, from which on a fork of this process is worth its start
_PART = 50  # scenarios
_TEACHING = 80  # parts, of which those of a larger run are learnt from: what is volatile is so in many scenarios
_NONE_LATE = LateStreams()
_COMPARED = (Role.BASELINE, Role.CANDIDATE)


@dataclass(frozen=True, slots=True)
class Judged:
    verdicts: tuple[Verdict, ...]  # in the order of the scenarios
    client: int = 0  # exchanges that were compared on each face: those of the baseline and of the candidate
    upstream: int = 0
    late_at_first: LateStreams = _NONE_LATE  # when many scenarios were played at once
    late_again: LateStreams = _NONE_LATE  # in replays, each scenario alone


def judge_stored(
    scenarios: Sequence[Scenario],
    file: Path,
    declared: Sequence[Declaration],
    cores: int | None = None,
    *,
    doubtful: bool = False,
) -> Judged:
    """Of the scenarios that were observed. `cores`: those that there are, if there is much to do. `doubtful`: also what
    must be seen again before it counts. Raises `BadInput`."""
    by_id = {scenario.id: scenario for scenario in scenarios}
    places = _places(file, by_id)
    many = sum(map(len, places.values())) >= _MANY
    hands = cores or (len(os.sched_getaffinity(0)) if many else 1)
    parts = [*_parts(places)]
    with _seldom_collected():
        taught = parts[:: len(parts) // _TEACHING + 1]
        reference = Reference.together(spread(partial(_learnt, file), taught, hands))
        compare = partial(compare_attempts, reference, doubtful=doubtful)
        judged = spread(partial(_judged, file, by_id, declared, compare), parts, hands)
    found = {verdict.scenario: verdict for part in judged for verdict in part.verdicts}
    return Judged(
        tuple(found[scenario.id] for scenario in scenarios if scenario.id in found),
        sum(part.client for part in judged),
        sum(part.upstream for part in judged),
        sum((part.late_at_first for part in judged), _NONE_LATE),
        sum((part.late_again for part in judged), _NONE_LATE),
    )


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Trees hold no circles: looking for some all the time takes a fifth of the work."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _places(file: Path, known: Mapping[str, Scenario]) -> Places:
    """In the order of their first observation; of one that is there twice, the later one counts."""
    found: dict[str, dict[tuple[int, Role], store.Line]] = {}
    for line in store.lines(file):
        if line.scenario in known:
            found.setdefault(line.scenario, {})[line.attempt, line.role] = line
    return {scenario: tuple(lines.values()) for scenario, lines in found.items()}


def _parts(places: Places) -> list[Places]:
    rest = iter(places.items())
    return [dict(part) for part in iter(lambda: [*islice(rest, _PART)], [])]


def _learnt(file: Path, places: Places) -> Reference:
    first = {name: [line for line in lines if _teaches(line)] for name, lines in places.items()}
    return Reference.of({name: attempts.get(0, {}) for name, attempts in _observed(file, first)})


def _teaches(line: store.Line) -> bool:
    return line.attempt == 0 and line.role is not Role.CANDIDATE


def _judged(
    file: Path,
    scenarios: Mapping[str, Scenario],
    declared: Sequence[Declaration],
    compare: Callable[[str, Mapping[int, Mapping[Role, Observation]]], Iterator[Compared]],
    places: Places,
) -> Judged:
    verdicts, client, upstream = list[Verdict](), 0, 0
    late = {True: _NONE_LATE, False: _NONE_LATE}  # by whether it is the first attempt
    for name, attempts in _observed(file, places):
        compared = tuple(compare(name, attempts))
        verdicts.append(judge_replayed(scenarios[name], compared, declared))
        seen = [one for roles in attempts.values() for role, one in roles.items() if role in _COMPARED]
        client += sum(len(one.client) for one in seen)
        upstream += sum(len(one.upstream) for one in seen)
        for attempt, roles in attempts.items():
            late[attempt == 0] += late_in(roles)
    return Judged(tuple(verdicts), client, upstream, late[True], late[False])


def _observed(file: Path, places: Places) -> Iterator[tuple[str, dict[int, dict[Role, Observation]]]]:
    """One scenario after the other, never two at a time."""
    with file.open("rb") as stream:
        for name, lines in places.items():
            attempts: dict[int, dict[Role, Observation]] = {}
            for line in lines:
                attempts.setdefault(line.attempt, {})[line.role] = store.at(stream, line, file)
            yield name, attempts
