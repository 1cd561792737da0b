"""What other tools have recorded, part by part -> requests and responses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from harness.event_stream import parse
from harness.model import Chunk, Failure, Headers, Request, Response, header
from harness.traffic import content_coding

_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def to_request(method: str, url: str, headers: Headers, body: bytes) -> Request:
    """`url` may be a path. A content-encoding that the tool has decoded is left out, one that the body has stays."""
    place = urlsplit(url)
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    names = content_coding.codings(headers)
    if names and _decode(body, names) is None:
        headers = content_coding.without_coding(headers)
    return Request(method.upper(), path, headers, body)


def to_response(
    status: int,
    headers: Headers,
    body: bytes,
    seconds: float = 0.0,
    sizes: Sequence[tuple[float, int]] = (),
    failure: Failure | None = None,
) -> Response:
    """A response that came `seconds` after its request, its body decoded.

    `sizes`: when each chunk came, and its size in bytes. A stream without them is cut into its events.
    """
    names = content_coding.codings(headers)
    plain = _decode(body, names) if names else None
    kept = tuple(pair for pair in headers if pair[0].lower() not in _OF_THE_WIRE)
    is_stream = "event-stream" in (header(headers, "content-type") or "")
    chunks = tuple(_cut(body if plain is None else plain, sizes, is_stream, seconds))
    return Response(status, kept, chunks, failure)


def _decode(body: bytes, names: tuple[str, ...]) -> bytes | None:
    """None for a body that is not so coded, which is what most tools keep."""
    try:
        return content_coding.decode(body, names)
    except ValueError:
        return None


def _cut(data: bytes, sizes: Sequence[tuple[float, int]], is_stream: bool, seconds: float) -> Iterator[Chunk]:
    for at, size in sizes:
        yield Chunk(at, data[:size])
        data = data[size:]
    events, rest = parse(data) if is_stream else ([], data)
    yield from (Chunk(seconds, event.raw) for event in events)
    if rest:
        yield Chunk(seconds, rest)
