"""scenarios/differences.toml: the differences that somebody decided to allow, and which of them are no longer true."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from harness.errors import BadInput
from harness.model import Declaration, Difference, Kind, Verdict
from harness.verdict.condition import PARTS


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    where: str = Field(pattern=r"^/|^\*\*")
    kinds: list[str] = Field(min_length=1)
    why: str = Field(min_length=20)
    since: date
    scenarios: str = "**"
    better: bool = False
    until: date | None = None
    when: dict[str, str] = {}

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: list[str]) -> list[str]:
        if unknown := sorted(set(kinds) - set(Kind)):
            raise ValueError(f"there is no kind {unknown[0]!r}: it is one of {', '.join(Kind)}")
        return kinds

    @field_validator("when")
    @classmethod
    def _readable(cls, when: dict[str, str]) -> dict[str, str]:
        for path, wanted in when.items():
            if path.split("/")[:1] != [""] or path.split("/")[1] not in PARTS:
                raise ValueError(f"{path!r} begins with none of /{', /'.join(PARTS)}")
            try:
                re.compile(wanted)
            except re.error as error:
                raise ValueError(f"{wanted!r} is no regular expression: {error}") from error
        return when

    @model_validator(mode="after")
    def _in_order(self) -> _Entry:
        if self.until is not None and self.until < self.since:
            raise ValueError("until is before since")
        return self

    def declaration(self) -> Declaration:
        kinds = frozenset(Kind(kind) for kind in self.kinds)
        until = self.until.isoformat() if self.until else None
        since = self.since.isoformat()
        return Declaration(
            self.id, self.where, kinds, self.why, since, self.scenarios, self.better, until, (*self.when.items(),)
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    difference: list[_Entry] = []


def read_declarations(file: Path) -> tuple[Declaration, ...]:
    """In the order of the file: the first that covers a difference explains it. Raises `BadInput`."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})", file) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"is not TOML: {error}", file) from error
    try:
        entries = _File.model_validate(content).difference
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(first["msg"], file, field=_field(content, first["loc"])) from error
    _refuse_repeated(file, [entry.id for entry in entries])
    return tuple(entry.declaration() for entry in entries)


def explains(declaration: Declaration, scenario: str, difference: Difference) -> bool:
    """By its words; whether its `when` is true of the call is `condition.Calls.hold`."""
    return (
        difference.kind in declaration.kinds
        and _pattern(declaration.scenarios).fullmatch(scenario) is not None
        and _pattern(declaration.where).fullmatch(difference.path) is not None
    )


def unused(declared: Sequence[Declaration], verdicts: Sequence[Verdict]) -> tuple[Declaration, ...]:
    """Those that nothing in the whole run is like: what they allow does not happen any more."""
    return tuple(one for one in declared if not any(explains(one, *difference) for difference in _allowed(verdicts)))


def shadowed(declared: Sequence[Declaration], verdicts: Sequence[Verdict]) -> tuple[Declaration, ...]:
    """Those that explain nothing because an earlier one has explained it already."""
    used = {declaration.id for verdict in verdicts for _, declaration in verdict.allowed}
    gone = {declaration.id for declaration in unused(declared, verdicts)}
    return tuple(declaration for declaration in declared if declaration.id not in used | gone)


def expired(declared: Iterable[Declaration], today: date) -> tuple[Declaration, ...]:
    """`until` is the last day that a declaration holds."""
    return tuple(one for one in declared if one.until is not None and date.fromisoformat(one.until) < today)


def _allowed(verdicts: Iterable[Verdict]) -> Iterator[tuple[str, Difference]]:
    for verdict in verdicts:
        for difference, _ in verdict.allowed:
            yield verdict.scenario, difference


@cache
def _pattern(where: str) -> re.Pattern[str]:
    """`*` stands for one step of a path, or part of one; `**` for any number of steps."""
    return re.compile(re.escape(where).replace(r"\*\*", ".*").replace(r"\*", "[^/]*"), re.DOTALL)


def _field(content: dict[str, object], location: tuple[int | str, ...]) -> str:
    """`difference 2 (server-header)/until`: entries are found by their id, not only by their number."""
    match location:
        case (name, int(index), *rest):
            entries = content.get(str(name))
            entry = entries[index] if isinstance(entries, list) else None
            known = entry.get("id") if isinstance(entry, dict) else None
            return "/".join([f"{name} {index + 1}" + (f" ({known})" if known else ""), *(str(part) for part in rest)])
        case _:
            return "/".join(str(part) for part in location)


def _refuse_repeated(file: Path, ids: list[str]) -> None:
    repeated = [name for name in ids if ids.count(name) > 1]
    if repeated:
        raise BadInput(f"two entries are called {repeated[0]!r}", file, field="id")
