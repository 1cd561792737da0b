"""VCR cassettes -> exchanges: what tests in Python and Ruby keep of their calls, as YAML or JSON. Pure.

VCR.py, and with it pytest-recording and pytest-vcr: `version: 1` and `interactions`, each with a request {method, uri,
body, headers} and a response {status: {code}, headers, body: {string}} (vcrpy, vcr/serialize.py, vcr/request.py); for
httpx {status_code, headers, content} (vcr/stubs/httpx_stubs.py, until version 5). Bytes are `!!binary`. `parsed_body`
in the place of a body is pydantic-ai's (tests/json_body_serializer.py). VCR for Ruby: `http_interactions`, the same
but for bodies {encoding, string} or {encoding, base64_string} (lib/vcr/structs.rb).

A cassette does not say when anything came: each exchange begins a second after the one before, in their order.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from harness.errors import BadInput
from harness.model import Exchange, Headers
from harness.traffic.imported import to_request, to_response

LISTS = ("interactions", "http_interactions")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Message(_Part):
    headers: dict[str, Any] | None = None
    body: Any = None
    parsed_body: Any = None

    def data(self) -> bytes:
        return _bytes(self.body) if self.parsed_body is None else json.dumps(self.parsed_body).encode()

    def pairs(self) -> Headers:
        return tuple(_pairs(self.headers or {}))


class _Request(_Message):
    method: str
    uri: str


class _Status(_Part):
    code: int


class _Response(_Message):
    status: _Status | int = Field(validation_alias=AliasChoices("status", "status_code"))
    content: str | bytes | None = None

    def code(self) -> int:
        return self.status if isinstance(self.status, int) else self.status.code

    def data(self) -> bytes:
        return super().data() if self.content is None else _bytes(self.content)


class _Interaction(_Part):
    request: _Request
    response: _Response


class _Cassette(_Part):
    interactions: list[_Interaction] = Field(validation_alias=AliasChoices(*LISTS))


def is_cassette(tree: object) -> bool:
    return isinstance(tree, Mapping) and any(name in tree for name in LISTS)


def read_yaml(text: str, file: str) -> Any:
    """The tree of a text of YAML, bytes included. Raises `BadInput` with the line of what cannot be read."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - derived from the safe one
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise BadInput(f"is not YAML that can be read: {error.problem or error.context}", file, line) from error
    except yaml.YAMLError as error:
        raise BadInput(f"is not YAML: {str(error).splitlines()[0]}", file) from error


def exchanges(tree: object, file: str) -> tuple[Exchange, ...]:
    """Raises `BadInput` with the place of what a cassette does not have."""
    try:
        interactions = _Cassette.model_validate(tree).interactions
        return tuple(_exchange(one, number) for number, one in enumerate(interactions))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(f"is no VCR cassette: {first['msg']}", file, field="/".join(map(str, first["loc"]))) from error
    except ValueError as error:
        raise BadInput(str(error), file) from error


def _exchange(one: _Interaction, number: int) -> Exchange:
    request = to_request(one.request.method, one.request.uri, one.request.pairs(), one.request.data())
    response = to_response(one.response.code(), one.response.pairs(), one.response.data())
    return Exchange(request, response, at=float(number))


def _bytes(body: Any) -> bytes:
    """A body as one of the serializers has it. Raises `ValueError` for what is none."""
    match body:
        case None:
            return b""
        case bytes():
            return body
        case str():
            return body.encode("utf-8", "surrogatepass")
        case {"base64_string": str(text)}:
            try:
                return base64.b64decode("".join(text.split()), validate=True)
            except binascii.Error as error:
                raise ValueError(f"a body is not the base64 that it claims to be: {error}") from error
        case {"string": text}:
            return _bytes(text)
        case dict() | list():  # what aiohttp was given as `json=`
            return json.dumps(body).encode()
        case _:
            raise ValueError(f"a body is {type(body).__name__}, and neither a text nor bytes")


def _pairs(headers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, values in headers.items():
        for value in values if isinstance(values, list) else [values]:
            yield name, value.decode("latin-1") if isinstance(value, bytes) else str(value)


class _Loader(yaml.SafeLoader):
    """With the tags of texts and bytes that Python 2 and Ruby have written, and dates left as texts."""


def _construct_bytes(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bytes:
    return base64.b64decode(loader.construct_scalar(node))


def _construct_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


_Loader.add_constructor("!binary", _construct_bytes)
for _tag in ("python/unicode", "python/str", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _construct_text)
