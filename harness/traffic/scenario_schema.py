"""What a scenario file may say: the tree of the file -> the nouns of `harness.model`, and back, without losing a byte.

Bodies: `json` (a tree; on the wire compact UTF-8), `text` (UTF-8) or `base64`. Events: `{event, data}` and `{data}`
(a tree: compact JSON; a text: one `data:` line per line of it), `{comment}`, `{raw}` or `{base64}` for any other bytes;
each is one chunk. A reply's content-type comes from its body unless its headers name one, or say `content-type: null`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from harness.event_stream import encode
from harness.model import (
    Act,
    Cut,
    Headers,
    Json,
    Must,
    Reply,
    Request,
    Scenario,
    Send,
    Step,
    Wait,
    WaitForClient,
)

FORMAT = 1
STREAM_TYPE = "text/event-stream; charset=utf-8"
JSON_TYPE = "application/json"
_HALF = re.compile("[\ud800-\udfff]")

# --- headers --------------------------------------------------------------------------------------------------------


def _pairs(tree: object) -> list[tuple[str, str | None]]:
    """A repeated name has a list of values; where others stand between them, the headers are a list of mappings."""
    pairs = [
        (name, one)
        for mapping in (tree if isinstance(tree, list) else [tree])
        for name, value in _mapping(mapping).items()
        for one in (value if isinstance(value, list) else [value])
    ]
    return [_checked(name, value) for name, value in pairs]


def _mapping(tree: object) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise ValueError("are a mapping of names to texts, or a list of such mappings")  # noqa: TRY004 - pydantic's kind
    return tree


def _checked(name: str, value: object) -> tuple[str, str | None]:
    if not re.fullmatch(r"[^\x00-\x20:\x7f-\uffff]+", name):
        raise ValueError(f"{name!r} is not a header's name")
    if value is None and name.lower() == "content-type":
        return name, None
    if not isinstance(value, str):
        raise ValueError(f"the value of {name} is not a text: put it in quotes")  # noqa: TRY004
    if not re.fullmatch(r"[^\x00\r\n\u0100-\U0010ffff]*", value):
        raise ValueError(f"the value of {name} has a character that no header can carry")
    return name, value


def _headers(pairs: list[tuple[str, str | None]], default_type: str | None = None) -> Headers:
    named = any(name.lower() == "content-type" for name, _ in pairs)
    first = () if named or default_type is None else (("content-type", default_type),)
    return (*first, *((name, value) for name, value in pairs if value is not None))


_VALUES = {"anyOf": [{"type": "string"}, {"type": "null"}, {"type": "array", "items": {"type": "string"}}]}
_MAPPING = {"type": "object", "additionalProperties": _VALUES}
HeaderPairs = Annotated[
    list[tuple[str, str | None]],
    BeforeValidator(_pairs),
    WithJsonSchema({"anyOf": [_MAPPING, {"type": "array", "items": _MAPPING}]}),
]


def _whole(text: str) -> str:
    """YAML reads JSON's escapes of one character that is beyond 16 bits as two halves."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise ValueError("has half a character, which UTF-8 cannot carry: say it in base64") from error


Text = Annotated[str, AfterValidator(_whole)]

# --- the file's parts -------------------------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Body(_Strict):
    json_: Any = Field(None, alias="json")
    text: Text | None = None
    base64: str | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> _Body:
        if len(self.model_fields_set & {"json_", "text", "base64"}) > 1:
            raise ValueError("has several bodies: keep one of json, text and base64")
        return self

    @field_validator("base64")
    @classmethod
    def _is_base64(cls, value: str | None) -> str | None:
        try:
            base64.b64decode(value or "", validate=True)
        except binascii.Error as error:
            raise ValueError(f"is not base64: {error}") from error
        return value

    def body(self) -> bytes:
        if "json_" in self.model_fields_set:
            return compact(self.json_)
        return base64.b64decode(self.base64) if self.base64 is not None else (self.text or "").encode()


class _Request(_Body):
    method: str = Field(pattern=r"^[!-~]+$")
    path: str = Field(pattern=r"^[!-~]+$")
    headers: HeaderPairs = []

    def noun(self) -> Request:
        return Request(self.method, self.path, _headers(self.headers), self.body())


class _Act(_Strict):
    event: str | None = None
    data: Any = None
    comment: Text | None = None
    raw: Text | None = None
    base64: str | None = None
    wait: float | int | None = Field(None, ge=0)
    wait_for_client: int | None = Field(None, ge=1)
    cut: Literal["fin", "rst"] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> _Act:
        given = self.model_fields_set - {"event"} | ({"data"} if "event" in self.model_fields_set else set())
        if len(given) != 1:
            raise ValueError(
                "says one thing: {event, data}, or one of data, comment, raw, base64, wait, wait_for_client, cut"
            )
        if not self.noun():
            raise ValueError("an empty chunk would end the body")
        return self

    def noun(self) -> Act | None:
        if self.wait is not None:
            return Wait(float(self.wait))
        if self.wait_for_client is not None:
            return WaitForClient(self.wait_for_client)
        if self.cut is not None:
            return Cut(self.cut)
        data = self._bytes()
        return Send(data) if data else None

    def _bytes(self) -> bytes:
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        if self.raw is not None:
            return self.raw.encode()
        if self.comment is not None:
            return f": {self.comment}\n\n".encode()
        return encode_event(self.event, self.data)


class _Before(_Strict):
    wait: float | int | None = Field(None, ge=0)
    cut: Literal["fin", "rst"] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> _Before:
        if len(self.model_fields_set) != 1:
            raise ValueError("says one thing: wait, or cut")
        return self

    def noun(self) -> Wait | Cut:
        return Cut(self.cut) if self.cut is not None else Wait(float(self.wait or 0))


class _Reply(_Body):
    status: int = Field(200, ge=100, le=599)
    headers: HeaderPairs = []
    events: list[_Act] | None = None
    before: list[_Before] = []

    @model_validator(mode="after")
    def _has_events_or_a_body(self) -> _Reply:
        if self.events is not None and self.model_fields_set & {"json_", "text", "base64"}:
            raise ValueError("has a body and events: keep one of them")
        return self

    def noun(self) -> Reply:
        acts = None if self.events is None else tuple(act for one in self.events if (act := one.noun()))
        default = STREAM_TYPE if acts is not None else JSON_TYPE if "json_" in self.model_fields_set else None
        headers = _headers(self.headers, default)
        return Reply(self.status, headers, self.body(), acts, tuple(one.noun() for one in self.before))


class _Must(_Strict):
    path: str = Field(pattern="^/")
    equals: Any = None
    matches: str | None = None
    absent: Literal[True] | None = None

    @model_validator(mode="after")
    def _has_one_check(self) -> _Must:
        if len(self.model_fields_set) != 2:
            raise ValueError("has a path and one check: equals, matches, or absent: true")
        try:
            re.compile(self.matches or "")
        except re.error as error:
            raise ValueError(f"matches is not a regular expression: {error}") from error
        return self

    def noun(self) -> Must:
        if self.matches is not None:
            return Must(self.path, "matches", self.matches)
        return Must(self.path, "absent") if self.absent else Must(self.path, "equals", self.equals)


class _Step(_Strict):
    together: bool = False
    leave_after: int | None = Field(None, ge=0)
    request: _Request
    upstream: list[_Reply] = []
    must: list[_Must] = []

    def noun(self) -> Step:
        return Step(
            self.request.noun(),
            tuple(reply.noun() for reply in self.upstream),
            tuple(must.noun() for must in self.must),
            self.together,
            self.leave_after,
        )


class ScenarioTree(_Strict):
    """The root of a scenario file."""

    format: Literal[1]
    title: str = Field(min_length=1)
    source: str = Field(pattern=r"^(scripted|recorded \d{4}-\d{2}-\d{2}, \S.*)$")
    covers: list[str] = []
    without_calls: str | None = Field(
        None,
        min_length=20,
        description="Why the baseline asks for none of the replies of some step. Without this reason such a scenario "
        "is broken: what was compared was no provider's answer.",
    )
    steps: list[_Step] = Field(min_length=1)

    def scenario(self, client: str, name: str) -> Scenario:
        steps = tuple(step.noun() for step in self.steps)
        return Scenario(
            f"{client}/{name}", client, self.title, self.source, tuple(self.covers), steps, self.without_calls
        )


def json_schema() -> dict[str, Any]:
    """For editors: a scenario file's fields (JSON Schema, draft 2020-12). What only reading can tell is not in it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ScenarioTree.model_json_schema()}


# --- bytes ----------------------------------------------------------------------------------------------------------


def compact(tree: Json) -> bytes:
    """JSON as the real clients write it: no spaces, UTF-8 unescaped, the keys in their order. With escapes only where
    there is half a character, which UTF-8 cannot carry."""
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    return (text if text.isascii() or not _HALF.search(text) else json.dumps(tree, separators=(",", ":"))).encode()


def encode_event(event: str | None, data: Json) -> bytes:
    """A tree is compact JSON, a text one `data:` line per line of it."""
    text = _whole(data) if isinstance(data, str) else compact(data).decode()
    return encode(text, event or "")
