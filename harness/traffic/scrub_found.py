"""What was found in somebody's own calls -> the same without anybody's secrets, ids and words, fit for a report. Pure.

The comparison has seen what was there; the report shows where two gateways differ, and in what way, but for what people
said. What a value is goes by its place in the compared tree.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from harness.model import Absent, Broken, Difference, Json, Verdict
from harness.traffic.pseudonym import Pseudonyms
from harness.traffic.scrub import scrub_header
from harness.traffic.scrub_json import Bodies
from harness.traffic.scrub_text import Texts

_NAMES = re.compile(r"<(?:id \d+|digits|varies|number|HTTP date|ISO date|key|[A-Z][A-Z0-9_]+)>")  # the harness's own
_SPOKEN = frozenset({"body", "data", "message"})  # below these a tree is what a protocol has
_WORDS = frozenset({"incomplete", "comments"})  # bytes of a stream that are no event


def scrub_found(verdict: Verdict, key: bytes, secrets: Collection[str]) -> Verdict:
    """`key`: what the stand-ins depend on; `secrets` are replaced wherever they stand."""
    bodies = Bodies(Texts.of(Pseudonyms(key), secrets))

    def scrubbed(difference: Difference) -> Difference:
        path = bodies.texts.keep(difference.path)
        if difference.order:
            return replace(difference, path=path)  # names of keys
        baseline, candidate = (
            _side(each, difference.path, bodies) for each in (difference.baseline, difference.candidate)
        )
        return Difference(path, baseline, candidate)

    return replace(
        verdict,
        allowed=tuple((scrubbed(difference), why) for difference, why in verdict.allowed),
        unexplained=tuple(map(scrubbed, verdict.unexplained)),
        noise=tuple(map(scrubbed, verdict.noise)),
        broken=tuple(_broken(each, bodies) for each in verdict.broken),
        problem=None if verdict.problem is None else bodies.texts.keep(verdict.problem),
    )


def _broken(broken: Broken, bodies: Bodies) -> Broken:
    return replace(broken, found=_side(broken.found, broken.must.path, bodies))


def _side(value: Json | Absent, path: str, bodies: Bodies) -> Json | Absent:
    return value if isinstance(value, Absent) else _value(value, path.split("/")[1:], bodies)


def _value(value: Json, parts: list[str], bodies: Bodies) -> Json:
    """Down to where it is known what it is."""
    place = next((number for number, part in enumerate(parts) if part in _SPOKEN), None)
    if place is not None and "headers" not in parts[:place]:
        return _spoken(value, parts[place:], bodies)
    if isinstance(value, dict):
        return {bodies.texts.keep(name): _value(each, [*parts, name], bodies) for name, each in value.items()}
    if isinstance(value, list):
        return [_value(each, [*parts, "0"], bodies) for each in value]
    return _text(value, parts, bodies) if isinstance(value, str) else value


def _text(value: str, parts: list[str], bodies: Bodies) -> str:
    names = [part for part in parts if not part.isdecimal()]
    if names[-2:-1] == ["headers"]:
        return scrub_header(names[-1], value, bodies)
    return bodies.prose(value) if names[-1:] and names[-1] in _WORDS else bodies.texts.keep(value)


def _spoken(value: Json, parts: list[str], bodies: Bodies) -> Json:
    """As it is scrubbed in a whole body: by the keys that it stands under."""
    if isinstance(value, str) and _NAMES.fullmatch(value):
        return value
    around: Json = value
    for part in reversed(parts):
        around = [around] if part.isdecimal() else {part: around}
    inside = bodies.tree(around)
    for _ in parts:
        inside = inside[0] if isinstance(inside, list) else next(iter(inside.values()))  # type: ignore[union-attr]
    return inside
