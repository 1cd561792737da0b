"""Stand-ins for words, ids and secrets: keyed, so that no guess can be tested; the same for the same; of equal size.

Each character gives way to one of its own kind and of the same UTF-8 length, so that a text keeps its length in
characters and in bytes, and a stream can be cut again where it was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

_CONSONANTS = "bdfglmnprstv"
_VOWELS = "aeiou"
_DIGITS = "0123456789"
_HEX = "0123456789abcdef"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_OF_TWO_BYTES = "àáâãäåæçèéêëìíîïñòóôõöøùúûüý"
_OF_THREE_BYTES = "山川日月木火土金水人口手足目耳心大小中上下左右"
_OF_FOUR_BYTES = "𠀋𠂉𠃌𠄎𠆢𠈓𠌫𠎁"

_HEX_RUN = re.compile(r"[0-9a-f]{8,}|[0-9A-F]{8,}")
_PREFIX = re.compile(r"(?:[A-Za-z]{2,12}[-_]){1,2}")
_SHORT = 8  # an id whose own part is shorter is a number, not a name: changing it could make two equal


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    key: bytes

    def word(self, word: str) -> str:
        """A pronounceable word of the same length and case: Hello -> Rumia."""
        choices = self._choices(word.lower())
        return "".join(_letter(char, index, next(choices)) for index, char in enumerate(word))

    def digits(self, digits: str) -> str:
        choices = self._choices(digits)
        return "".join(_DIGITS[next(choices) % 10] for _ in digits)

    def opaque(self, value: str) -> str:
        """Letters stay letters, digits digits, a value of hex digits stays one, punctuation stays."""
        choices = self._choices(value)
        if _HEX_RUN.fullmatch(value.replace("-", "")):
            digits = _HEX if value == value.lower() else _HEX.upper()
            return "".join(char if char == "-" else digits[next(choices) % 16] for char in value)
        return "".join(_same_kind(char, next(choices)) for char in value)

    def id(self, value: str) -> str:
        """The prefix that tells the kind of id stays: toolu_01A09... -> toolu_74Q51..."""
        if _HEX_RUN.fullmatch(value.replace("-", "")):
            return self.opaque(value)
        prefix = found[0] if (found := _PREFIX.match(value)) else ""
        own = value[len(prefix) :]
        return value if len(own) < _SHORT else prefix + self.opaque(own)

    def _choices(self, value: str) -> Iterator[int]:
        block = 0
        while True:
            yield from blake2b(value.encode("utf-8", "replace"), key=self.key, salt=block.to_bytes(4, "big")).digest()
            block += 1


def _letter(char: str, index: int, choice: int) -> str:
    if not char.isascii():
        return _same_kind(char, choice)
    letters = _VOWELS if index % 2 else _CONSONANTS
    letter = letters[choice % len(letters)]
    return letter.upper() if char.isupper() else letter


def _same_kind(char: str, choice: int) -> str:
    if char.isascii():
        if char.isdigit():
            return _DIGITS[choice % 10]
        letter = _LOWER[choice % 26]
        return char if not char.isalpha() else letter.upper() if char.isupper() else letter
    if not char.isalnum():
        return char
    kind = (_OF_TWO_BYTES, _OF_THREE_BYTES, _OF_FOUR_BYTES)[len(char.encode("utf-8", "replace")) - 2]
    letter = kind[choice % len(kind)]
    return letter.upper() if char.isupper() and len(letter.upper()) == 1 else letter
