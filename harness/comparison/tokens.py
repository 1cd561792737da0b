"""A text as tokens, and what kind of thing a token is: what a program made up just now, or a word."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

_LONG = 8  # characters, from which on two equal generated tokens are one value and not a coincidence
_SHORT = 256  # characters
_BLOB = 16  # characters, from which on a token without a digit can be random letters
_TOKEN = re.compile(
    r"""
      (?P<name> <(?:id\ \d+|number|digits|varies|HTTP\ date|ISO\ date)> )
    | (?P<http_date> \b[A-Z][a-z]{2},\ \d\d\ [A-Z][a-z]{2}\ \d{4}\ \d\d:\d\d:\d\d\ GMT )           # RFC 9110, 5.6.7
    | (?P<iso_date> \b\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)? )     # RFC 3339
    | (?P<number> (?<![\w.+-])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w+-]|\.\w) )
    | (?P<word> \w(?:[\w.+-]*\w)?=* )
    """,
    re.VERBOSE | re.ASCII,
)


_JOINTS = re.compile(r"[-_.+=]")
_COUNT = re.compile(r"-?\d{1,3}")


class Sort(StrEnum):
    """What a token is; the value is the name that a volatile one gets, an id's is numbered."""

    ID = "id"
    NUMBER = "digits"
    HTTP_DATE = "HTTP date"
    ISO_DATE = "ISO date"
    VARIES = "varies"  # generated, and too short to be recognised elsewhere
    WORD = "word"  # never volatile


def tokens(text: str) -> tuple[re.Match[str], ...]:
    return _few_tokens(text) if len(text) < _SHORT else tuple(_TOKEN.finditer(text))


@lru_cache(maxsize=4096)  # a leaf that is volatile is taken apart three times
def _few_tokens(text: str) -> tuple[re.Match[str], ...]:
    return tuple(_TOKEN.finditer(text))


def sort_of(token: re.Match[str]) -> Sort:
    match token.lastgroup:
        case "http_date":
            return Sort.HTTP_DATE
        case "iso_date":
            return Sort.ISO_DATE
        case "number":
            return Sort.NUMBER
        case "word":
            return sort_of_word(token.group())
        case _:
            return Sort.WORD


@lru_cache(maxsize=4096)
def sort_of_word(word: str) -> Sort:
    parts = [part for part in _JOINTS.split(word) if part]
    if all(part.isalpha() or is_count(part) for part in parts):  # claude-sonnet-4-5, unless it is random letters
        return Sort.ID if any(map(_is_random, parts)) else Sort.WORD
    return Sort.ID if len(word) >= _LONG else Sort.VARIES


def _is_random(letters: str) -> bool:
    """`ServiceUnavailableError` has a capital for every few letters, random ones have one for every second."""
    return len(letters) >= _BLOB and not letters.isupper() and 3 * sum(map(str.isupper, letters)) > len(letters)


def is_count(text: str) -> bool:
    """A small whole number: retries, tokens, a status. It is part of what is said, not something measured."""
    return _COUNT.fullmatch(text) is not None


def skeleton(text: str) -> str:
    """The text without its generated tokens: two texts with the same one say the same."""
    return _TOKEN.sub(lambda token: token.group() if sort_of(token) is Sort.WORD else "\0", text)


def looks_generated(text: str) -> bool:
    """One long token without a space, for values whose parts do not line up: base64 with slashes."""
    return not re.search(r"\s", text) and sort_of_word(text) is Sort.ID
