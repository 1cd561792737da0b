"""Secrets leave no report: `***` for each of them, in every spelling that the formats around it make."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from urllib.parse import quote, quote_plus

from harness.model import Json

_SHORTEST = 4  # characters; a shorter "secret" would blank out half the report


class Redaction:
    """Knows the secrets of a run."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        spellings = {spelling for secret in secrets if len(secret) >= _SHORTEST for spelling in _spellings(secret)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if spellings else None

    def text(self, text: str) -> str:
        return self._pattern.sub("***", text) if self._pattern else text

    def tree(self, value: Json) -> Json:
        """Keys as well as values."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.tree(item) for item in value]
            case dict():
                return {self.text(key): self.tree(item) for key, item in value.items()}
            case _:
                return value


def _spellings(secret: str) -> Iterator[str]:
    """Plain, in JSON (twice, for JSON within a JSON string), in XML and HTML, in a URL."""
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
    yield from (secret, escape(secret), escape(secret, quote=False), quote(secret, safe=""), quote_plus(secret))
    yield escape(secret, quote=False).replace('"', "&quot;")
