"""Stand-ins for words, ids and secrets: keyed, so that no guess can be tested; the same for the same; of equal size.

Each character gives way to one of its own kind and of the same UTF-8 length, so that a text keeps its length in
characters and in bytes, and a stream can be cut again where it was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from unicodedata import normalize

_CONSONANTS = "bdfglmnprstv"
_VOWELS = "aeiou"
_DIGITS = "0123456789"
_HEX = "0123456789abcdef"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_OF_TWO_BYTES = "àáâãäåæçèéêëìíîïñòóôõöøùúûüý"
_OF_THREE_BYTES = "山川日月木火土金水人口手足目耳心大小中上下左右"
_OF_FOUR_BYTES = "𠀋𠂉𠃌𠄎𠆢𠈓𠌫𠎁"
# By UTF-8 length: characters that Unicode's normal forms change, so that a gateway that normalises is still noticed.
_CHANGED_BY_NFC = {2: "\u0374", 3: "\uf900\uf901\uf902\uf903\uf904", 4: "\U0002f800\U0002f801\U0002f802\U0002f803"}
_CHANGED_BY_NFKC = {
    2: "\u00aa\u00ba\u0133\u017f",
    3: "\uff41\uff42\uff43\uff44\uff45",
    4: "\U0001d41a\U0001d41b\U0001d41c",
}
_HANGUL = (("\u1100", 19), ("\u1161", 21), ("\u11a8", 27))  # jamo that compose: leading, vowel, trailing

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

    def base(self, letter: str, mark: str, word: str) -> str:
        """A letter that composes with the combining mark, as this ASCII letter of the word does (Unicode's NFC)."""
        letters = [each for each in _LOWER if normalize("NFC", each + mark) != each + mark] or [letter.lower()]
        chosen = letters[next(self._choices(word)) % len(letters)]
        return chosen.upper() if letter.isupper() else chosen

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

    def raw(self, value: str) -> str:
        """Bytes that are UTF-8 in no company, for bytes that are not UTF-8; both as `surrogateescape` has them."""
        choices = self._choices(value)
        return "".join(chr(0xDCF8 + next(choices) % 8) for _ in value)

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
    for first, count in _HANGUL:
        if 0 <= ord(char) - ord(first) < count:
            return chr(ord(first) + choice % count)
    kind = _kind(char)
    letter = kind[choice % len(kind)]
    return letter.upper() if char.isupper() and len(letter.upper()) == 1 else letter


def _kind(char: str) -> str:
    size = len(char.encode())
    if normalize("NFC", char) != char:
        return _CHANGED_BY_NFC[size]
    if normalize("NFKC", char) != char:
        return _CHANGED_BY_NFKC[size]
    return (_OF_TWO_BYTES, _OF_THREE_BYTES, _OF_FOUR_BYTES)[size - 2]
