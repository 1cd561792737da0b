"""Observation <-> one line of NDJSON, so that every later step can run again from the file, alone.

A body, or a chunk of one, is a string where it is UTF-8, else {"base64": "..."}; headers are pairs in wire order.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import orjson

from harness.errors import BadInput
from harness.model import Chunk, Effects, Exchange, Failure, Headers, Observation, Request, Response, Role

Tree: TypeAlias = dict[str, Any]

FORMAT = 1  # lines without a number are of the first format, too
_HEAD = re.compile(rb'\{"format":1,"scenario":("(?:[^"\\]|\\.)*"),"target":"(?:[^"\\]|\\.)*","role":"([a-z ]+)",')
_ROLES = {role.value.encode(): role for role in Role}
_TAIL = re.compile(rb',"attempt":(\d+)\}\n\Z')


@dataclass(frozen=True, slots=True)
class Line:
    """Where an observation is, and what it is of."""

    scenario: str
    role: Role
    attempt: int
    offset: int  # bytes from the file's beginning
    number: int  # of the line, from 1


@contextmanager
def writing(file: Path) -> Iterator[Callable[[Observation], None]]:
    """Gives a function that appends one observation; each is on the disk's side of this process at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab", buffering=0) as stream:  # nothing is left to be written when it is closed: that may fail, too

        def write(observation: Observation) -> None:
            left = memoryview(to_line(observation))
            try:
                while left:
                    left = left[stream.write(left) :]
            except OSError as error:
                raise BadInput(f"cannot be written: {error.strerror}", file) from error

        yield write


def read(file: Path) -> Iterator[Observation]:
    """One after the other, never all at once. Raises `BadInput` with the line that is not an observation."""
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield _checked(line, file, number)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", file) from error


def whole(file: Path) -> Iterator[Observation]:
    """As `read`, of a file whose last line need not have been written to its end: that one is left out."""
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.endswith(b"\n"):
                    yield _checked(line, file, number)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", file) from error


def lines(file: Path) -> Iterator[Line]:
    """What is in the file, without what was seen: of nearly all lines only the ends are looked at."""
    offset = 0
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield _line(line, file, offset, number)
                offset += len(line)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", file) from error


def _line(line: bytes, file: Path, offset: int, number: int) -> Line:
    head, tail = _HEAD.match(line), _TAIL.search(line, max(len(line) - 40, 0))
    if head is None or tail is None or head[2] not in _ROLES:
        one = _checked(line, file, number)
        return Line(one.scenario, one.role, one.attempt, offset, number)
    name = sys.intern(json.loads(head[1]))  # one text for all lines of a scenario
    return Line(name, _ROLES[head[2]], int(tail[1]), offset, number)


def at(stream: BinaryIO, line: Line, file: Path) -> Observation:
    """The observation of that line; `stream` is the file. Raises `BadInput` if it is none."""
    stream.seek(line.offset)
    return _checked(stream.readline(), file, line.number)


def _checked(line: bytes, file: Path, number: int) -> Observation:
    if not line.endswith(b"\n"):
        raise BadInput("is not a whole line: the run that wrote it was interrupted", file, number)
    try:
        return from_line(line)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"is not an observation: {type(error).__name__}: {error}", file, number) from error


def to_line(observation: Observation) -> bytes:
    tree = {
        "format": FORMAT,
        "scenario": observation.scenario,
        "target": observation.target,
        "role": observation.role.value,
        "client": [_exchange_tree(exchange) for exchange in observation.client],
        "upstream": [_exchange_tree(exchange) for exchange in observation.upstream],
        "effects": asdict(observation.effects),
        "problem": observation.problem,
        "attempt": observation.attempt,
    }
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def from_line(line: bytes) -> Observation:
    """Raises ValueError, KeyError or TypeError for anything that `to_line` did not write."""
    tree = _loaded(line)
    if (found := tree.get("format", FORMAT)) != FORMAT:
        raise ValueError(f"its format {found!r} is not known, this version reads {FORMAT}")
    return Observation(
        tree["scenario"],
        tree["target"],
        Role(tree["role"]),
        tuple(_exchange(each) for each in tree["client"]),
        tuple(_exchange(each) for each in tree["upstream"]),
        Effects(**{name: tuple(values) for name, values in tree["effects"].items()}),
        tree["problem"],
        tree.get("attempt", 0),
    )


def _loaded(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        return json.loads(line)  # it reads half a surrogate pair too, and says better what is wrong


# --- the parts: each noun, there and back ---------------------------------------------------------------------------


def _exchange_tree(exchange: Exchange) -> Tree:
    request = {
        "method": exchange.request.method,
        "path": exchange.request.path,
        "headers": exchange.request.headers,
        "body": _data_tree(exchange.request.body),
    }
    outcome = exchange.outcome
    answer = asdict(outcome) if isinstance(outcome, Failure) else _response_tree(outcome)
    kind = "failure" if isinstance(outcome, Failure) else "response"
    return {"step": exchange.step, "at": exchange.at, "request": request, kind: answer}


def _exchange(tree: Tree) -> Exchange:
    request = tree["request"]
    outcome = Failure(**tree["failure"]) if "failure" in tree else _response(tree["response"])
    return Exchange(
        Request(request["method"], request["path"], _headers(request["headers"]), _data(request["body"])),
        outcome,
        tree["step"],
        tree["at"],
    )


def _response_tree(response: Response) -> Tree:
    return {
        "status": response.status,
        "headers": response.headers,
        "chunks": [[chunk.at, _data_tree(chunk.data)] for chunk in response.chunks],
        "failure": response.failure and asdict(response.failure),
        "connection": response.connection,
    }


def _response(tree: Tree) -> Response:
    chunks = tuple(Chunk(at, _data(data)) for at, data in tree["chunks"])
    failure = Failure(**tree["failure"]) if tree["failure"] else None
    return Response(tree["status"], _headers(tree["headers"]), chunks, failure, tree.get("connection"))


def _headers(pairs: list[list[str]]) -> Headers:
    return tuple((name, value) for name, value in pairs)


def _data_tree(data: bytes) -> str | Tree:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _data(tree: str | Tree) -> bytes:
    return tree.encode() if isinstance(tree, str) else base64.b64decode(tree["base64"], validate=True)
