"""What a hop does to what passes it: nothing, or one thing, on purpose.

A mutation sees a request whole, a response's head, and the pieces of its body as they come: the chunks of a chunked
body, or all of any other. Lengths are made right again before `head` is asked, so that only `head` can make them wrong.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

from harness.event_stream import EventParser, ServerEvent
from harness.model import Headers, Request, Response

Pieces = AsyncIterator[bytes]


async def _as_it_comes(pieces: Pieces) -> Pieces:
    async for piece in pieces:
        yield piece


@dataclass(frozen=True, slots=True)
class Mutation:
    request: Callable[[Request], Request] = lambda request: request
    head: Callable[[Response], Response] = lambda head: head
    body: Callable[[Pieces], Pieces] = _as_it_comes
    head_line: Callable[[bytes], bytes] = lambda line: line  # status line and headers, as they are written
    calls: int = 1  # how often the request is sent on; only the last answer is passed back
    pause: float = 0.0  # seconds until it is sent on
    deaf: float = 0.0  # seconds until a client that hangs up is noticed on the other side
    hangs_up: bool = False  # after the answer, without a word


NOTHING = Mutation()


class Closed(Exception):
    """The connection ends here, in order, whatever was announced."""


# --- headers --------------------------------------------------------------------------------------------------------

OfHeaders = Callable[[Headers], Headers]


def request_headers(change: OfHeaders) -> Mutation:
    return Mutation(request=lambda request: replace(request, headers=change(request.headers)))


def response_headers(change: OfHeaders) -> Mutation:
    return Mutation(head=lambda head: replace(head, headers=change(head.headers)))


def without(name: str) -> OfHeaders:
    return lambda headers: tuple(pair for pair in headers if pair[0].lower() != name)


def added(name: str, value: str) -> OfHeaders:
    return lambda headers: (*headers, (name, value))


def renamed(name: str, new: str) -> OfHeaders:
    return lambda headers: tuple((new if key.lower() == name else key, value) for key, value in headers)


def changed(name: str, change: Callable[[str], str]) -> OfHeaders:
    return lambda headers: tuple((key, change(value) if key.lower() == name else value) for key, value in headers)


def backwards(headers: Headers) -> Headers:
    return headers[::-1]


# --- bodies ---------------------------------------------------------------------------------------------------------


def request_body(change: Callable[[Any], Any]) -> Mutation:
    """`change` gets the JSON tree, and may change it in place; it gives the tree that is sent."""
    return Mutation(request=lambda request: replace(request, body=_json(request.body, change)))


def response_body(change: Callable[[Any], Any]) -> Mutation:
    """For a body that comes in one piece."""
    return pieces(lambda piece: [_json(piece, change)])


def _json(body: bytes, change: Callable[[Any], Any]) -> bytes:
    """The same bytes where nothing is changed: another way to write the same is no change."""
    try:
        tree = json.loads(body)
    except ValueError:
        return body
    before, after = json.dumps(tree, ensure_ascii=False), json.dumps(change(tree), ensure_ascii=False)
    return body if after == before else after.encode()


def asked(pattern: bytes, by: bytes) -> Mutation:
    """In the request's body; a regular expression."""
    return Mutation(request=lambda request: replace(request, body=re.sub(pattern, by, request.body)))


def pieces(change: Callable[[bytes], list[bytes]]) -> Mutation:
    async def body(source: Pieces) -> Pieces:
        async for piece in source:
            for changed_piece in change(piece):
                yield changed_piece

    return Mutation(body=body)


def replaced(pattern: bytes, by: bytes) -> Mutation:
    """In every piece; a regular expression."""
    return pieces(lambda piece: [re.sub(pattern, by, piece)])


def delayed(seconds: float, chosen: Callable[[bytes], bool] = lambda _: True) -> Mutation:
    """Before each piece that is chosen."""

    async def body(source: Pieces) -> Pieces:
        async for piece in source:
            if chosen(piece):
                await asyncio.sleep(seconds)
            yield piece

    return Mutation(body=body)


def ending(how: bytes | Closed) -> Mutation:
    """More bytes at the end, or no end."""

    async def body(source: Pieces) -> Pieces:
        async for piece in source:
            yield piece
        if isinstance(how, Closed):
            raise how
        yield how

    return Mutation(body=body)


# --- event streams --------------------------------------------------------------------------------------------------


def events(change: Callable[[int, ServerEvent], list[bytes]]) -> Mutation:
    """`change` gets each event with its number, and gives the pieces that go out in its place."""

    async def body(source: Pieces) -> Pieces:
        async for number, event in _numbered(source):
            for piece in change(number, event):
                yield piece

    return Mutation(body=body)


def each(sequence: Callable[[AsyncIterator[tuple[int, bytes]]], Pieces]) -> Mutation:
    """`sequence` gets the events' bytes with their numbers, and gives the pieces: it may hold some back."""

    async def raw(source: Pieces) -> AsyncIterator[tuple[int, bytes]]:
        async for number, event in _numbered(source):
            yield number, event.raw

    return Mutation(body=lambda source: sequence(raw(source)))


async def _numbered(source: Pieces) -> AsyncIterator[tuple[int, ServerEvent]]:
    parser, number = EventParser(), 0
    async for piece in source:
        for event in parser.feed(piece):
            yield number, event
            number += 1
    rest = parser.incomplete
    for event in parser.close() or ([ServerEvent("", "", raw=rest)] if rest else []):
        yield number, event
        number += 1


def dropped(chosen: Callable[[int, ServerEvent], bool]) -> Mutation:
    return events(lambda number, event: [] if chosen(number, event) else [event.raw])
