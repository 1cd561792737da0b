"""JSON texts, taken apart without losing a character: where each string stands, and what holds it. Pure.

`read_json` gives the strings of a text as tokens, and `replace_strings` puts other values in their place. Every other
character stays: white space, the spelling of numbers and escapes, repeated keys, their order. What is read is RFC 8259,
and beyond it what Python, Node and LiteLLM read or write: several values one after the other (JSON lines, RFC 7464's
record separators), a byte order mark, `NaN`, `Infinity`, control characters within a string, bytes that are not UTF-8
(as `surrogateescape` has them). Nothing recurses, so that no depth is too deep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, Union

_SPACE = re.compile(r"[ \t\n\r]*")
_BETWEEN_VALUES = re.compile("\ufeff?[ \t\n\r\x1e]*")
_STRING = re.compile(r'"(?:[^"\\]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_OPEN_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_WORDS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_SCALAR = re.compile(
    rf"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|{'|'.join(_WORDS)})(?![\w.+-])", re.ASCII
)
_OPEN_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:(?<=[0-9])[eE][+-]?[0-9]*)?)?\Z")
# One character of a string's value, as it is spelled.
_SPELLED = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
_CLOSER = {"}": "object", "]": "array"}


@dataclass(frozen=True, slots=True, eq=False)
class JsonString:
    """A string token: `text[begin:end]` is what stands between its quotes, `value` what that means.

    `is_whole` is False where the text ends before the closing quote.
    """

    begin: int
    end: int
    value: str
    is_whole: bool = True


@dataclass(slots=True, eq=False)
class JsonObject:
    members: list[tuple[JsonString, JsonNode]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class JsonArray:
    items: list[JsonNode] = field(default_factory=list)


JsonNode: TypeAlias = Union[JsonString, JsonObject, JsonArray, None]  # noqa: UP007 - None: a number, true, false, null


@dataclass(frozen=True, slots=True)
class JsonText:
    """What was read of a text: its values, the index up to which it was read, and what is wrong beyond that, and where.

    `is_prefix`: nothing is wrong but that the text ends too early.
    """

    text: str
    values: tuple[JsonNode, ...]
    end: int
    problem: str | None = None
    problem_at: int = 0
    is_prefix: bool = False

    @property
    def is_whole(self) -> bool:
        return self.problem is None

    @property
    def has_containers_only(self) -> bool:
        """Whether it is made of objects and arrays: a text that only happens to be a JSON scalar may be language."""
        return bool(self.values) and all(isinstance(value, JsonObject | JsonArray) for value in self.values)


def read_json(text: str) -> JsonText:
    """Read as much of the text as is JSON; a text without any value is not whole."""
    return _Reader(text).read()


def replace_strings(text: str, replacements: Iterable[tuple[JsonString, str]]) -> str:
    """The text with other values in the strings. Each value has as many characters as the one that it replaces.

    A character that stays keeps its spelling; one that is new is escaped where the old one was.
    """
    parts, at = list[str](), 0
    for token, value in sorted(replacements, key=lambda pair: pair[0].begin):
        if value != token.value:
            parts += (text[at : token.begin], _respell(text[token.begin : token.end], token.value, value))
            at = token.end
    return "".join((*parts, text[at:]))


def _respell(spelled: str, old: str, new: str) -> str:
    units = _SPELLED.findall(spelled)
    return "".join(unit if a == b else _spell(unit, b) for unit, a, b in zip(units, old, new, strict=True))


def _spell(unit: str, char: str) -> str:
    """The character, spelled in the way of the unit that it takes the place of."""
    if unit.startswith("\\u"):
        digits = char.encode("utf-16-be", "surrogatepass").hex()
        digits = digits.upper() if unit.replace("\\u", "").isupper() else digits
        return "".join(f"\\u{digits[at : at + 4]}" for at in range(0, len(digits), 4))
    return char if char >= " " and char not in '"\\' else json.dumps(char)[1:-1]


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._values: list[JsonNode] = []
        self._open: list[JsonObject | JsonArray] = []
        self._expected = "a value"

    def read(self) -> JsonText:
        while True:
            self._at = (_SPACE if self._open else _BETWEEN_VALUES).match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at == len(self._text):
                return self._end_early() if self._open or not self._values else self._result()
            if (result := self._step(self._text[self._at])) is not None:
                return result

    def _step(self, char: str) -> JsonText | None:
        """Read the next token; what was read of the text where that is its end."""
        owner = self._open[-1] if self._open else None
        match self._expected:
            case "a colon" if char == ":":
                self._at, self._expected = self._at + 1, "a value"
            case "a comma or the end of the object" if char == ",":
                self._at, self._expected = self._at + 1, "a key in quotes"
            case "a comma or the end of the array" if char == ",":
                self._at, self._expected = self._at + 1, "a value"
            case "a key in quotes" | "a key in quotes or the end of the object" if char == '"':
                return self._key(owner)
            case expected if char in _CLOSER and expected.endswith(f"the end of the {_CLOSER[char]}"):
                self._at += 1
                self._open.pop()
                self._after_value()
            case "a value" | "a value or the end of the array":
                return self._value(char)
            case _:
                return self._refuse_character()
        return None

    def _key(self, owner: JsonObject | JsonArray | None) -> JsonText | None:
        token = self._string()
        if isinstance(token, JsonString) and isinstance(owner, JsonObject):
            owner.members.append((token, None))
            self._expected = "a colon"
            return None if token.is_whole else self._end_early()
        return token if isinstance(token, JsonText) else None

    def _value(self, char: str) -> JsonText | None:
        if char in "{[":
            node: JsonObject | JsonArray = JsonObject() if char == "{" else JsonArray()
            self._at += 1
            self._place(node)
            self._open.append(node)
            what = "a key in quotes or the end of the object" if char == "{" else "a value or the end of the array"
            self._expected = what
            return None
        if char == '"':
            token = self._string()
            if isinstance(token, JsonText):
                return token
            self._place(token)
            self._after_value()
            return None if token.is_whole else self._end_early()
        return self._scalar()

    def _scalar(self) -> JsonText | None:
        if found := _SCALAR.match(self._text, self._at):
            self._at = found.end()
            self._place(None)
            self._after_value()
            return None
        rest = self._text[self._at :]
        if _OPEN_NUMBER.match(rest) or any(word.startswith(rest) for word in _WORDS):
            self._at = len(self._text)
            return self._end_early()
        return self._refuse_character()

    def _string(self) -> JsonString | JsonText:
        begin = self._at
        end = _STRING.match(self._text, begin).end()  # type: ignore[union-attr] # it begins with a quote
        is_whole = self._text[end : end + 1] == '"'
        if not is_whole and end < len(self._text) and not _OPEN_ESCAPE.match(self._text, end):
            return self._result("a backslash is not followed by an escape of JSON", end)
        self._at = end + 1 if is_whole else len(self._text)
        value = json.loads(f'{self._text[begin:end]}"', strict=False)
        return JsonString(begin + 1, end, value, is_whole)

    def _place(self, node: JsonNode) -> None:
        match self._open[-1] if self._open else None:
            case JsonObject(members):
                members[-1] = (members[-1][0], node)
            case JsonArray(items):
                items.append(node)
            case None:
                self._values.append(node)

    def _after_value(self) -> None:
        match self._open[-1] if self._open else None:
            case JsonObject():
                self._expected = "a comma or the end of the object"
            case JsonArray():
                self._expected = "a comma or the end of the array"
            case None:
                self._expected = "a value"

    def _end_early(self) -> JsonText:
        problem = "it ends too early" if self._at else "it is empty"
        return self._result(problem, len(self._text), is_prefix=True)

    def _refuse_character(self) -> JsonText:
        return self._result(f"{self._expected} is expected here", self._at)

    def _result(self, problem: str | None = None, problem_at: int = 0, *, is_prefix: bool = False) -> JsonText:
        return JsonText(self._text, tuple(self._values), self._at, problem, problem_at, is_prefix)
