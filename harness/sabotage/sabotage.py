"""What is planted: a named regression, where, and the sense that is meant to notice it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.sabotage.mutation import NOTHING, Mutation


class Face(StrEnum):
    """Between whom the mutation stands."""

    CLIENT = "client"
    UPSTREAM = "upstream"
    PROCESS = "process"  # the candidate itself is another program


@dataclass(frozen=True, slots=True)
class Sabotage:
    name: str  # lower case, in words; the reports speak of it by this
    sense: str  # the one that is meant to notice: a name of `comparison.senses`
    scenario: str  # the id of the one that is played; "" for a process, which meets all of them
    face: Face = Face.CLIENT
    mutation: Mutation = NOTHING
