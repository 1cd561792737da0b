"""HTTP Archive 1.2 <-> exchanges: what browsers, mitmproxy and other tools exchange recordings in. Pure.

The format is Odvarka's (http://www.softwareishard.com/blog/har-12-spec/), in which names that begin with `_` are a
program's own. Ours: `_chunks` (`at`, seconds since the request, and `size` in bytes, of each chunk of a body, so that a
stream keeps its pace), `_failure` (what came instead of the end), `_step`, and `_encoding` of a request's binary body.
A tool that has no chunks gives a stream all at once: it is then cut into its events.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import BadInput
from harness.model import Exchange, Failure, Headers, Json, Request, Response, header
from harness.traffic.imported import to_request, to_response

# --- what of a HAR is read ------------------------------------------------------------------------------------------


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Pair(_Part):
    name: str
    value: str


class _Text(_Part):
    """`postData` and `content`."""

    text: str = ""
    encoding: str | None = None
    own_encoding: str | None = Field(None, alias="_encoding")

    def data(self) -> bytes:
        if "base64" not in (self.encoding, self.own_encoding):
            return self.text.encode("utf-8", "surrogateescape")
        try:
            return base64.b64decode(self.text, validate=True)
        except binascii.Error as error:
            raise ValueError(f"a body is not the base64 that it claims to be: {error}") from error


class _Request(_Part):
    method: str
    url: str
    headers: list[_Pair] = []
    post: _Text | None = Field(None, alias="postData")

    def noun(self) -> Request:
        return to_request(self.method, self.url, _headers(self.headers), self.post.data() if self.post else b"")


class _Size(_Part):
    at: float
    size: int = Field(gt=0)


class _Failure(_Part):
    kind: Literal["refused", "timeout", "cut", "left"]
    message: str


class _Response(_Part):
    status: int
    headers: list[_Pair] = []
    content: _Text = Field(default_factory=_Text.model_construct)
    chunks: list[_Size] | None = Field(None, alias="_chunks")
    failure: _Failure | None = Field(None, alias="_failure")

    def noun(self, seconds: float) -> Response | Failure:
        failure = Failure(self.failure.kind, self.failure.message) if self.failure else None
        if not self.status:  # what browsers write where no response came
            return failure or Failure("cut", "no response")
        sizes = [(chunk.at, chunk.size) for chunk in self.chunks or ()]
        return to_response(self.status, _headers(self.headers), self.content.data(), seconds, sizes, failure)


class _Entry(_Part):
    started: datetime = Field(alias="startedDateTime")
    milliseconds: float = Field(0, alias="time")
    request: _Request
    response: _Response
    step: int = Field(0, alias="_step")


class _Log(_Part):
    entries: list[_Entry]


class _Har(_Part):
    log: _Log


def exchanges(text: str, file: str) -> tuple[Exchange, ...]:
    """In the order of their beginnings, `at` in seconds of the clock. Raises `BadInput` if it is no HAR."""
    try:
        entries = sorted(_Har.model_validate_json(text).log.entries, key=lambda entry: entry.started.timestamp())
        if not entries:
            raise BadInput("is a HAR without entries: nothing was recorded in it", file)
        return tuple(_exchange(entry) for entry in entries)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(f"is no HTTP Archive: {first['msg']}", file, field="/".join(map(str, first["loc"]))) from error
    except ValueError as error:
        raise BadInput(str(error), file) from error


def _exchange(entry: _Entry) -> Exchange:
    seconds = max(0.0, entry.milliseconds / 1000)
    return Exchange(entry.request.noun(), entry.response.noun(seconds), entry.step, entry.started.timestamp())


def _headers(pairs: Iterable[_Pair]) -> Headers:
    """Without HTTP/2's pseudo headers."""
    return tuple((pair.name, pair.value) for pair in pairs if not pair.name.startswith(":"))


# --- what is written ------------------------------------------------------------------------------------------------


def har(exchanges: Sequence[Exchange], base_url: str, began: datetime, comment: str = "") -> Json:
    """A HAR of exchanges whose `at` counts from `began`; `base_url` is what the paths are below."""
    creator: Json = {"name": "gateway-parity", "version": "1"}
    entries: list[Json] = [_entry(exchange, base_url, began) for exchange in exchanges]
    return {"log": {"version": "1.2", "creator": creator, "entries": entries, "comment": comment}}


def _entry(exchange: Exchange, base_url: str, began: datetime) -> Json:
    outcome = exchange.outcome
    chunks = outcome.chunks if isinstance(outcome, Response) else ()
    first, last = (chunks[0].at * 1000, chunks[-1].at * 1000) if chunks else (0.0, 0.0)
    return {
        "startedDateTime": (began + timedelta(seconds=exchange.at)).isoformat(),
        "time": last,
        "request": _request_tree(exchange.request, base_url),
        "response": _response_tree(outcome),
        "cache": {},
        "timings": {"send": 0, "wait": first, "receive": last - first},
        "_step": exchange.step,
    }


def _request_tree(request: Request, base_url: str) -> Json:
    return {
        "method": request.method,
        "url": base_url + request.path,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(request.headers),
        "queryString": _pairs(parse_qsl(urlsplit(request.path).query, keep_blank_values=True)),
        **({"postData": _body(request.body, request.headers, "_encoding")} if request.body else {}),
        "headersSize": -1,
        "bodySize": len(request.body),
    }


def _response_tree(outcome: Response | Failure) -> Json:
    response = outcome if isinstance(outcome, Response) else Response(0, failure=outcome)
    failure = response.failure
    return {
        "status": response.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(response.headers),
        "content": {"size": len(response.body), **_body(response.body, response.headers, "encoding")},
        "redirectURL": header(response.headers, "location") or "",
        "headersSize": -1,
        "bodySize": len(response.body),
        "_chunks": [{"at": chunk.at, "size": len(chunk.data)} for chunk in response.chunks],
        **({"_failure": {"kind": failure.kind, "message": failure.message}} if failure else {}),
    }


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs]


def _body(data: bytes, headers: Headers, encoding: str) -> dict[str, Json]:
    kind: dict[str, Json] = {"mimeType": header(headers, "content-type") or "application/octet-stream"}
    try:
        return {**kind, "text": data.decode()}
    except UnicodeDecodeError:
        return {**kind, "text": base64.b64encode(data).decode(), encoding: "base64"}
