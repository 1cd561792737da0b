"""JSON bodies of the Anthropic and OpenAI protocols: which values are protocol, which ids, which somebody's.

Whatever is not known to be protocol counts as human text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.model import Json
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
_STYLES = [(separators, ascii_only) for separators in ((",", ":"), (", ", ": ")) for ascii_only in (False, True)]

Change = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Bodies:
    texts: Texts
    keep_text: bool = False

    def prose(self, text: str) -> str:
        """Human language, or what looks like it."""
        if text.startswith("x-anthropic-billing-header:"):
            return self.billing(text)
        return self.texts.keep(text) if self.keep_text else self.texts.fill(text)

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
        restyled = restyle(value, self.tree)
        return self.texts.pseudonyms.id(value) if restyled is None else restyled

    def arguments(self, text: str) -> str:
        """A tool's arguments as JSON in a text; one that was cut off is prose."""
        restyled = restyle(text, self.values)
        return self.prose(text) if restyled is None else restyled

    def tree(self, tree: Json, key: str = "", failed: bool = False) -> Json:
        """`key`: the key that the tree stands under; `failed`: within an error, whose words clients act upon."""
        if isinstance(tree, dict):
            return {
                self.texts.keep(name): self._member(tree, name, value, failed or name == "error")
                for name, value in tree.items()
            }
        if isinstance(tree, list):
            return [self.tree(item, key, failed) for item in tree]
        return self._text(tree, key, failed) if isinstance(tree, str) else tree

    def values(self, tree: Json) -> Json:
        """Every text of the tree is somebody's; the keys stay."""
        if isinstance(tree, dict):
            return {self.texts.keep(name): self.values(value) for name, value in tree.items()}
        if isinstance(tree, list):
            return [self.values(item) for item in tree]
        return self.prose(tree) if isinstance(tree, str) else tree

    def schema(self, tree: Json, prose: bool = False) -> Json:
        """Types, names and enumerations stay; descriptions do not."""
        if isinstance(tree, dict):
            return {
                self.texts.keep(name): self.schema(value, name in _PROSE_OF_A_SCHEMA) for name, value in tree.items()
            }
        if isinstance(tree, list):
            return [self.schema(item, prose) for item in tree]
        if isinstance(tree, str):
            return self.prose(tree) if prose else self.texts.keep(tree)
        return tree

    def _member(self, owner: dict[str, Json], name: str, value: Json, failed: bool) -> Json:
        if name in _SCHEMAS and isinstance(value, dict):
            return self.schema(value)
        if name in _ARGUMENTS and isinstance(value, dict):
            return self.values(value)
        if name in {"arguments", "partial_json"} and isinstance(value, str):
            return self.arguments(value)
        if name == "id" and isinstance(value, str) and "model" in (owner.get("object"), owner.get("type")):
            return value
        if name == "name" and isinstance(value, str) and "role" not in owner:
            return self.texts.keep(value)
        return self.tree(value, name, failed)

    def _text(self, value: str, key: str, failed: bool) -> str:
        if key in _PROTOCOL:
            return self.texts.keep(value)
        if key in _OPAQUE:
            return self.opaque(value)
        if _ID.fullmatch(key):
            return self.id(value)
        if failed:
            return self.texts.keep(value)
        return self.opaque(value) if _DATA_URL.match(value) else self.prose(value)


def restyle(text: str, change: Callable[[Json], Json]) -> str | None:
    """The JSON text with its tree changed, spaced and escaped as it was; None where it is no JSON object or list, or is
    written in a way of its own (which a change would lose)."""
    if text[:1] not in ("{", "["):
        return None
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for separators, ascii_only in _STYLES:
        if json.dumps(tree, separators=separators, ensure_ascii=ascii_only) == text:
            return json.dumps(change(tree), separators=separators, ensure_ascii=ascii_only)
    return None
