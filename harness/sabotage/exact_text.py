"""Regressions of characters and digits that look as if they did not matter: one kind each, asked and answered.

Each is planted in a scenario of another route and provider, so that all of them are covered.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from harness.event_stream import ServerEvent, encode
from harness.sabotage.mutation import Mutation, asked, events, replaced, request_body, response_body
from harness.sabotage.sabotage import Face, Sabotage

_OfText = Callable[[str], str]


def _scenario(route: str) -> str:
    return f"curl/exact-text-{route}"


def _of_each_text(change: _OfText) -> Callable[[Any], Any]:
    """Return a function that changes all texts in a JSON tree; keys stay as they are."""

    def of(tree: Any) -> Any:
        if isinstance(tree, str):
            return change(tree)
        if isinstance(tree, list):
            return [of(item) for item in tree]
        return {key: of(value) for key, value in tree.items()} if isinstance(tree, dict) else tree

    return of


def _in_events(change: _OfText) -> Mutation:
    def of(_: int, event: ServerEvent) -> list[bytes]:
        try:
            before = json.loads(event.data)
        except ValueError:
            return [event.raw]
        after = _of_each_text(change)(before)
        return [event.raw if after == before else encode(json.dumps(after, ensure_ascii=False), event.event)]

    return events(of)


def _without(letters: str) -> _OfText:
    return lambda text: text.translate(dict.fromkeys(map(ord, letters)))


def _replaced_by(by: str, letters: str) -> _OfText:
    return lambda text: text.translate(dict.fromkeys(map(ord, letters), by))


def _normalized(form: Any) -> _OfText:
    return lambda text: unicodedata.normalize(form, text)


# What happens to a text, how, and the scenarios' routes: asked, answered whole, answered as a stream.
_KINDS: tuple[tuple[str, _OfText, tuple[str, str, str]], ...] = (
    (
        "no-break blanks become blanks",
        _replaced_by(" ", "\u00a0\u202f\u3000"),
        ("messages-anthropic", "chat-openai", "responses-gemini"),
    ),
    (
        "zero-width characters are lost",
        _without("\u200b\u200c\u2060\u00ad"),
        ("chat-openai", "responses-openai", "messages-openai"),
    ),
    ("texts are composed (NFC)", _normalized("NFC"), ("responses-openai", "messages-gemini", "completions-openai")),
    ("texts are decomposed (NFD)", _normalized("NFD"), ("completions-openai", "chat-anthropic", "responses-openai")),
    (
        "texts lose compatibility characters (NFKC)",
        _normalized("NFKC"),
        ("embeddings-openai", "completions-anthropic", "chat-gemini"),
    ),
    (
        "several blanks become one",
        lambda text: re.sub(r" {2,}", " ", text),
        ("count-tokens", "messages-anthropic", "completions-gemini"),
    ),
    ("texts are trimmed", str.strip, ("chat-anthropic", "completions-openai", "messages-anthropic")),
    (
        "tabs become blanks",
        lambda text: text.replace("\t", "    "),
        ("messages-gemini", "responses-anthropic", "chat-openai"),
    ),
    (
        "CR LF becomes LF",
        lambda text: text.replace("\r", ""),
        ("chat-gemini", "completions-gemini", "chat-anthropic"),
    ),
    ("a mark U+FEFF is lost", _without("\ufeff"), ("responses-anthropic", "messages-openai", "messages-gemini")),
    (
        "marks of direction are lost",
        _without("\u200e\u200f\u202c\u202e\u2067\u2069"),
        ("completions-anthropic", "chat-gemini", "responses-anthropic"),
    ),
    (
        "joined emoji come apart",
        _without("\u200d"),
        ("messages-openai", "responses-gemini", "completions-anthropic"),
    ),
    (
        "escaped slashes lose their backslash",
        lambda text: text.replace("\\/", "/"),
        ("completions-gemini", "chat-openai", "messages-gemini"),
    ),
)

# digits, what becomes of them, and the routes: asked, answered.
_NUMBERS: tuple[tuple[str, bytes, bytes, tuple[str, str]], ...] = (
    (
        "a fraction has sixteen digits",
        rb"0\.12345678901234568|0\.1234567890123456789012",
        b"0.1234567890123457",
        ("messages-anthropic", "embeddings-openai"),
    ),
    ("a sum of fractions is rounded", rb"0\.30000000000000004", b"0.3", ("responses-gemini", "embeddings-gemini")),
    (
        "a whole number past 53 bits is a float's",
        b"9007199254740993",
        b"9007199254740992",
        ("chat-gemini", "messages-openai"),
    ),
    (
        "a whole number past 64 bits becomes a float",
        b"18446744073709551617",
        b"1.8446744073709552e+19",
        ("chat-anthropic", "responses-openai"),
    ),
)

ASKED = (
    *(
        Sabotage(
            f"{name}, asked", "upstream body", _scenario(routes[0]), Face.UPSTREAM, request_body(_of_each_text(change))
        )
        for name, change, routes in _KINDS
    ),
    *(
        Sabotage(f"{name}, asked", "upstream body", _scenario(routes[0]), Face.UPSTREAM, asked(pattern, by))
        for name, pattern, by, routes in _NUMBERS
    ),
)

ANSWERED = (
    *(
        Sabotage(f"{name}, answered", "body", _scenario(routes[1]), mutation=response_body(_of_each_text(change)))
        for name, change, routes in _KINDS
    ),
    *(
        Sabotage(f"{name}, streamed", "message", _scenario(routes[2]), mutation=_in_events(change))
        for name, change, routes in _KINDS
    ),
    *(
        Sabotage(f"{name}, answered", "body", _scenario(routes[1]), mutation=replaced(pattern, by))
        for name, pattern, by, routes in _NUMBERS
    ),
)
