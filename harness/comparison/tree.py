"""An observation -> the JSON tree that is compared. Its paths are what musts, declarations and reports speak of.

/client/<step>/response/{status, connection, headers/<lower-case name>, capitals, transfer, body, written | stream/...}
/client/<step>/failure/kind
/upstream/<n>/{step, request/{method, path, headers/<name>, capitals, transfer, body, written}}
/upstream/<n>/outcome/{status, failure}
/effects/{calls, aborted, unexpected, unused, withheld, usage}
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeAlias

from harness.comparison.chunks import torn
from harness.comparison.content import decoded, readable, written
from harness.comparison.stream import stream_tree
from harness.comparison.usage import disagreements
from harness.model import Effects, Exchange, Failure, Headers, Json, Observation, Request, Response

_Named: TypeAlias = dict[str, list[str]]
_FRAMING = ("content-length", "transfer-encoding")  # judged against the body: see _transfer


def tree(observation: Observation, texts: dict[int, bytes] | None = None) -> Json:
    """`texts` gets, for those parts of the tree that were read from a text, that text by the `id` of the part."""
    read = {} if texts is None else texts
    client = {exchange.step: (exchange, _client(exchange, read)) for exchange in _in_order(observation.client)}
    return {
        "client": {str(step): seen for step, (_, seen) in client.items()},
        "upstream": [_upstream(exchange, read) for exchange in _in_order(observation.upstream)],
        "effects": {**_effects(observation.effects), "usage": disagreements(client)},
    }


def _in_order(exchanges: Sequence[Exchange]) -> list[Exchange]:
    return sorted(exchanges, key=lambda exchange: (exchange.step, exchange.at))


def _client(exchange: Exchange, texts: dict[int, bytes]) -> Json:
    """The request is the input, the same for all targets: it is left out."""
    match exchange.outcome:
        case Failure(kind):
            return {"failure": {"kind": kind}}
        case Response(failure=failure) as response:
            seen: dict[str, Json] = {"response": _response(response, exchange.request, texts)}
            return seen if failure is None else {**seen, "failure": {"kind": failure.kind}}


def _response(response: Response, request: Request, texts: dict[int, bytes]) -> Json:
    named = _named(response.headers)
    return {
        "status": response.status,
        **({} if response.connection is None else {"connection": response.connection}),
        "headers": _headers(named),
        **_capitals(response.headers),
        "transfer": _transfer(named, None if _bodiless(response, request) else response.body),
        **_content(response, request, named, texts),
    }


def _content(response: Response, request: Request, named: _Named, texts: dict[int, bytes]) -> dict[str, Json]:
    kind = (_first(named, "content-type") or "").partition(";")[0].strip().lower()
    encoding = _first(named, "content-encoding")
    events = decoded(response.body, encoding) if kind == "text/event-stream" else None
    if events is not None:
        chunks = [chunk.data for chunk in response.chunks] if encoding is None else []
        stream = stream_tree(events, request.path)
        texts[id(stream["events"])] = events  # the message is put together: what is in it need not be in the text
        return {"stream": stream | {"torn": torn(chunks)}}
    return _body(response.body, encoding, texts)


def _upstream(exchange: Exchange, texts: dict[int, bytes]) -> Json:
    request, named = exchange.request, _named(exchange.request.headers)
    return {
        "step": exchange.step,
        "request": {
            "method": request.method,
            "path": request.path,
            "headers": _headers(named),
            **_capitals(request.headers),
            "transfer": _transfer(named, request.body),
            **_body(request.body, _first(named, "content-encoding"), texts),
        },
        "outcome": _outcome(exchange.outcome),
    }


def _outcome(outcome: Response | Failure) -> Json:
    """What the upstream got to answer; how much of a stream was out when the target left depends on the clock."""
    match outcome:
        case Failure(kind):
            return {"failure": kind}
        case Response(status, failure=failure):
            return {"status": status} if failure is None else {"status": status, "failure": failure.kind}


def _body(body: bytes, encoding: str | None, texts: dict[int, bytes]) -> dict[str, Json]:
    """No key for no body: it is not the same as an empty JSON text."""
    if not body:
        return {}
    plain = decoded(body, encoding)
    if plain is None:
        return {"body": f"{encoding}, not decoded: base64:{base64.b64encode(body).decode('ascii')}"}
    read = readable(plain)
    if not isinstance(read, dict | list):
        return {"body": read}
    texts[id(read)] = plain
    ways = written(plain.decode())
    return {"body": read, **({"written": [*ways]} if ways else {})}


def _capitals(headers: Headers) -> dict[str, Json]:
    """The names that are not in lower case, which mean the same; bot protection tells clients apart by them."""
    names = {name: None for name, _ in headers if not name.islower()}
    return {"capitals": [*names]} if names else {}


def _named(headers: Headers) -> _Named:
    """By lower-case names (RFC 9110, section 5.1)."""
    grouped: _Named = {}
    for name, value in headers:
        grouped.setdefault(name.lower(), []).append(value)
    return grouped


def _first(named: _Named, name: str) -> str | None:
    return named[name][0] if name in named else None


def _headers(named: _Named) -> Json:
    """A repeated one has the list of its values."""
    told = ((name, values) for name, values in named.items() if name not in _FRAMING)
    return {name: values[0] if len(values) == 1 else [*values] for name, values in told}


def _transfer(named: _Named, body: bytes | None) -> str:
    """How the body's end is told (RFC 9112, section 6). The length itself moves with volatile values: is it right?"""
    length, chunked = _first(named, "content-length"), _first(named, "transfer-encoding")
    if length is None:
        return chunked.lower() if chunked is not None else "none"
    right = body is None or length == str(len(body))
    told = "length" if right else "length, not the body's"
    return told if chunked is None else f"{told}, and {chunked.lower()}"


def _bodiless(response: Response, request: Request) -> bool:
    """Responses whose content-length counts bytes that are not sent (RFC 9110, section 8.6)."""
    return request.method == "HEAD" or response.status == 304


def _effects(effects: Effects) -> dict[str, Json]:
    return {
        "calls": list(effects.calls),
        "aborted": list(effects.aborted),
        "unexpected": list(effects.unexpected),
        "unused": list(effects.unused),
        "withheld": list(effects.withheld),
    }
