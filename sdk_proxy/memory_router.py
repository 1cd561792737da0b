"""Whose memory a request belongs to: headers -> user id, and the headers that tell it to the provider. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from sdk_proxy.schema import Config, HeaderPattern, UserIdMappings

USER_HEADER = "x-sm-user-id"
KEY_HEADER = "x-supermemory-api-key"
_LONGEST = 256
_VISIBLE = "".join(chr(code) for code in range(0x20, 0x7F))


@dataclass(frozen=True, slots=True)
class Match:
    """The pattern that decided, and the header's value that it was found in."""

    header: str
    value: str
    pattern: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Routing:
    user_id: str
    matched: Match | None
    custom_header_present: bool
    is_default: bool

    def info(self) -> dict[str, object]:
        """The body of /memory-routing/info."""
        m = self.matched
        matched = m and {"header": m.header, "value": m.value, "pattern": m.pattern, "user_id": m.user_id}
        return {
            "user_id": self.user_id,
            "matched_pattern": matched,
            "custom_header_present": self.custom_header_present,
            "is_default": self.is_default,
        }


class MemoryRouter:
    """The patterns of one configuration, compiled once."""

    def __init__(self, mappings: UserIdMappings) -> None:
        self._custom = mappings.custom_header.lower()
        self._default = mappings.default_user_id
        self._patterns = tuple((re.compile(p.pattern, re.IGNORECASE), p) for p in mappings.header_patterns)

    def route(self, headers: Mapping[str, str]) -> Routing:
        """The custom header, else the first pattern that is found, else the default. Names come in lower case."""
        custom = _clean(headers.get(self._custom, ""))
        if custom:
            return Routing(custom, None, custom_header_present=True, is_default=False)
        matched = self._match(headers)
        present = self._custom in headers
        return Routing(matched.user_id if matched else self._default, matched, present, is_default=matched is None)

    def _match(self, headers: Mapping[str, str]) -> Match | None:
        found = (
            (p, headers[p.header.lower()])
            for regex, p in self._patterns
            if p.header.lower() in headers and regex.search(headers[p.header.lower()])
        )
        return next((_matched(p, value) for p, value in found), None)


def injected(routing: Routing, api_base: str | None, supermemory_key: str | None) -> dict[str, str]:
    """The headers that the provider is to get, in the place of any that the client sent under these names."""
    headers = {USER_HEADER: routing.user_id}
    if supermemory_key and is_supermemory(api_base):
        headers[KEY_HEADER] = supermemory_key
    return headers


def is_supermemory(api_base: str | None) -> bool:
    """The operator's own `api_base` says it; the client has no part in it."""
    return "supermemory" in (api_base or "").lower()


def supermemory_models(config: Config) -> frozenset[str]:
    """The aliases that only Supermemory deployments stand behind: no other provider may see its key."""
    others = {d.model_name for d in config.model_list if not is_supermemory(d.litellm_params.api_base)}
    return frozenset(d.model_name for d in config.model_list) - others


def _matched(pattern: HeaderPattern, value: str) -> Match:
    return Match(pattern.header, value, pattern.pattern, pattern.user_id)


def _clean(value: str) -> str:
    """A client's value is data, of bounded length: it cannot end its header, nor stop a client that sends ASCII only.

    What is not visible ASCII is percent-encoded, not dropped, so that two users stay two.
    """
    return quote(value.strip(), safe=_VISIBLE, encoding="latin-1", errors="replace")[:_LONGEST].strip()
