"""JSON bodies of the Anthropic and OpenAI protocols: which values are protocol, which ids, which somebody's.

Whatever is not known to be protocol counts as human text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from harness.model import Json
from harness.traffic.json_text import (
    JsonArray,
    JsonNode,
    JsonObject,
    JsonString,
    JsonText,
    read_json,
    replace_strings,
)
from harness.traffic.scrub_text import Texts

# Values that the protocols define, whatever object they stand in.
_PROTOCOL = frozenset(
    {
        "type",
        "role",
        "model",
        "object",
        "stop_reason",
        "finish_reason",
        "status",
        "effort",
        "media_type",
        "owned_by",
        "service_tier",
        "mode",
        "tool_choice",
        "detail",
        "format",
        "keep",
        "ttl",
        "scope",
        "display",
        "encoding_format",
        "truncation",
        "reasoning_effort",
        "verbosity",
        "speed",
        "code",
        "param",
        "phase",
        "modalities",
        "betas",
        "caller",
        "created_at",
        "tool_name",
        "response_format",
        "output_format",
        "timestamp_granularities",
        "purpose",
        "quality",
        "size",
        "voice",
        "language",
    }
)
_OPAQUE = frozenset(
    {
        "signature",
        "data",
        "encrypted_content",
        "encrypted_index",
        "thought_signature",
        "thoughtSignature",
        "thought_signatures",
        "b64_json",
    }
)
_SCHEMAS = frozenset({"input_schema", "parameters", "schema", "output_schema"})
_ARGUMENTS = frozenset({"input", "arguments"})  # of a tool call: every text in them is somebody's
_PROSE_OF_A_SCHEMA = frozenset({"description", "title", "examples", "$comment"})
_ID = re.compile(r"(?:.*_)?(?:id|ids|uuid)|user|prompt_cache_key|safety_identifier|.*fingerprint")
# What Gemini signed stands in the id of a tool's call, so that clients send it back (LiteLLM 1.106.2,
# litellm_core_utils/prompt_templates/factory.py, THOUGHT_SIGNATURE_SEPARATOR).
_SIGNED = "__thought__"
_DATA_URL = re.compile(r"data:[\w/+.-]+;base64,")
_BILLING = re.compile(r"(cc_version=\d+\.\d+\.\d+\.|=)([0-9a-f]{3,})(?=;|$)")

Change = Callable[[str], str]


class Rule(Enum):
    """What becomes of the strings of a JSON tree."""

    BODY = auto()  # of a protocol: each by the key that it stands under
    VALUES = auto()  # each is human text; the keys stay
    SCHEMA = auto()  # types, names and enumerations stay; descriptions do not
    PROSE_OF_A_SCHEMA = auto()
    ARGUMENTS = auto()  # of a tool, as JSON in a text
    NAME = auto()
    PROTOCOL = auto()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: under which key, and whether within an error: clients act upon its words."""

    rule: Rule = Rule.BODY
    key: str = ""
    is_error: bool = False


BODY = Place()


@dataclass(frozen=True, slots=True)
class Bodies:
    texts: Texts
    keep_text: bool = False

    def prose(self, text: str) -> str:
        """Human language, or what looks like it. An object or an array in a text keeps its keys and its spelling."""
        if text.startswith("x-anthropic-billing-header:"):
            return self.billing(text)
        if self.keep_text:
            return self.texts.keep(text)
        nested = self._nested(text, Place(Rule.VALUES))
        return self.texts.fill(text) if nested is None else nested

    def billing(self, text: str) -> str:
        """Claude Code's first system block: protocol, but for the digits that name a conversation."""
        return _BILLING.sub(lambda found: found[1] + self.texts.pseudonyms.opaque(found[2] * 3)[: len(found[2])], text)

    def opaque(self, value: str) -> str:
        prefix = found[0] if (found := _DATA_URL.match(value)) else ""
        return prefix + self.texts.pseudonyms.opaque(value[len(prefix) :])

    def id(self, value: str) -> str:
        call, thought, signature = value.partition(_SIGNED)
        if thought:
            return self.id(call) + thought + self.opaque(signature)
        nested = self._nested(value, BODY)
        return self.texts.pseudonyms.id(value) if nested is None else nested

    def arguments(self, text: str) -> str:
        """A tool's arguments as JSON in a text, which may have been cut off; anything else is prose."""
        read = read_json(text)
        if read.is_whole or (read.is_prefix and text.lstrip()[:1] in ("{", "[")):
            return self.json_text(read, Place(Rule.VALUES))
        return self.prose(text)

    def _nested(self, text: str, place: Place) -> str | None:
        """JSON in a text, where the text is nothing but objects and arrays, the last of which may have been cut off."""
        if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
            return None
        read = read_json(text)
        is_json = read.has_containers_only and (read.is_whole or read.is_prefix)
        return self.json_text(read, place) if is_json else None

    def tree(self, tree: Json) -> Json:
        """A body that was parsed already."""
        return json.loads(self.json_text(read_json(json.dumps(tree))))  # type: ignore[no-any-return]

    def json_text(self, read: JsonText, place: Place = BODY, pieces: Mapping[JsonString, str] | None = None) -> str:
        """The text, with a stand-in for each of its strings that needs one. `pieces`: those that are known already."""
        found = self.stand_ins(read.values, place)
        return replace_strings(read.text, ((token, (pieces or {}).get(token, value)) for token, value in found))

    def text_of_member(self, name: str, value: str) -> str:
        """What the text would become as a member of that name in a body."""
        token = JsonString(0, len(value), value)
        return self._text(value, _place_of_member({}, name, token, BODY))

    def as_far_as_read(self, read: JsonText, place: Place = BODY) -> str:
        """A text that is no JSON: what comes before the place where it stops being some, and the rest as prose."""
        return self.json_text(read, place)[: read.end] + self.prose(read.text[read.end :])

    def stand_ins(self, values: Iterable[JsonNode], place: Place) -> Iterator[tuple[JsonString, str]]:
        """Each string of the values, keys included, and what takes its place; in no order."""
        waiting = [(value, place) for value in values]
        while waiting:
            node, where = waiting.pop()
            match node:
                case JsonString(value=value):
                    yield node, self._text(value, where)
                case JsonArray(items):
                    waiting += ((item, where) for item in items)
                case JsonObject(members):
                    owner = {key.value: value for key, value in members}
                    for key, member in members:
                        yield key, self._key(key, where)
                        waiting.append((member, _place_of_member(owner, key.value, member, where)))

    def _key(self, key: JsonString, place: Place) -> str:
        """A key stays; what may be a person's text that only begins as JSON does (`{"Dear`) does not."""
        is_language = not key.is_whole and place.rule is Rule.VALUES
        return self.prose(key.value) if is_language else self.texts.keep(key.value)

    def _text(self, value: str, place: Place) -> str:
        match place.rule:
            case Rule.BODY:
                return self._text_of_body(value, place)
            case Rule.VALUES | Rule.PROSE_OF_A_SCHEMA:
                return self.prose(value)
            case Rule.ARGUMENTS:
                return self.arguments(value)
            case Rule.SCHEMA | Rule.NAME:
                return self.texts.keep(value)
            case Rule.PROTOCOL:
                return value

    def _text_of_body(self, value: str, place: Place) -> str:
        if place.key in _PROTOCOL:
            return self.texts.keep(value)
        if place.key in _OPAQUE:
            return self.opaque(value)
        if _ID.fullmatch(place.key):
            return self.id(value)
        if place.is_error:
            return self.texts.keep(value)
        return self.opaque(value) if _DATA_URL.match(value) else self.prose(value)


def _place_of_member(owner: Mapping[str, JsonNode], name: str, value: JsonNode, place: Place) -> Place:
    """The place of a value that stands under `name` in `owner`, which itself stands at `place`."""
    match place.rule:
        case Rule.SCHEMA | Rule.PROSE_OF_A_SCHEMA:
            return Place(Rule.PROSE_OF_A_SCHEMA if name in _PROSE_OF_A_SCHEMA else Rule.SCHEMA)
        case Rule.BODY:
            return Place(_rule_of_member(owner, name, value), name, place.is_error or name == "error")
        case _:
            return place


def _rule_of_member(owner: Mapping[str, JsonNode], name: str, value: JsonNode) -> Rule:
    if isinstance(value, JsonObject):
        return Rule.SCHEMA if name in _SCHEMAS else Rule.VALUES if name in _ARGUMENTS else Rule.BODY
    if not isinstance(value, JsonString):
        return Rule.BODY
    if name in {"arguments", "partial_json"}:
        return Rule.ARGUMENTS
    if name == "id" and any(_is_text(owner.get(key), "model") for key in ("object", "type")):
        return Rule.PROTOCOL
    return Rule.NAME if name == "name" and "role" not in owner else Rule.BODY


def _is_text(node: JsonNode, value: str) -> bool:
    return isinstance(node, JsonString) and node.value == value
