"""Strategies for JSON texts: any tree, in any spelling that RFC 8259 allows; and what of a text may not change."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

# Nothing that a person writes is in them; each is kept whatever it stands in.
KEYS = st.sampled_from(
    ["content", "text", "a b", "ключ", "k\u00e9y", "", "messages", 'q"\\/', "x\u2028y", "input", "0"]
)
WORD = st.from_regex(r"[a-z]{7,12}|[A-Z][a-zäö]{7,9}|[日月火]{8,9}", fullmatch=True)
GAP = st.sampled_from(
    [" ", "  ", "\u00a0", "\u200b", ", ", "\n", "\t ", "\u2028", "\u0301 ", ". ", '"', "\\", "/", "😀"]
)
TEXT = st.lists(st.tuples(WORD, GAP), max_size=4).map(lambda parts: "".join(map("".join, parts)))
PROTOCOL = st.sampled_from([("type", "text"), ("role", "user"), ("model", "gpt-4.1"), ("stop_reason", "end_turn")])


@dataclass(frozen=True)
class Number:
    spelled: str


NUMBER = st.sampled_from(
    ["0", "-0", "-0.0", "1.0", "1e3", "1E+03", "12.50e-7", "0.1000000000000000055511151231257827", "9" * 40, "-17"]
).map(Number)
SCALAR = st.none() | st.booleans() | NUMBER | TEXT


def _object(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.lists(st.tuples(KEYS, part) | PROTOCOL, max_size=4)  # names may come twice
    return members.map(lambda pairs: ("object", pairs))


TREE = st.recursive(SCALAR, lambda part: st.lists(part, max_size=3) | _object(part), max_leaves=9)
CONTAINER = st.lists(TREE, max_size=3) | _object(TREE)


def spell(tree: Any, random: Random, spaces: str = " \t\n\r") -> str:
    """The tree as JSON, with any white space between the tokens, and any character of a string escaped."""

    def gap() -> str:
        return "".join(random.choices(spaces, k=random.choice((0, 0, 0, 1, 3))))

    def text(value: str) -> str:
        return '"' + "".join(_spell_character(char, random) for char in value) + '"'

    match tree:
        case Number(spelled):
            return spelled
        case str():
            return text(tree)
        case ("object", [*pairs]):
            inside = ",".join(f"{gap()}{text(k)}{gap()}:{gap()}{spell(v, random, spaces)}{gap()}" for k, v in pairs)
            return f"{{{inside or gap()}}}"
        case [*items]:
            return f"[{','.join(f'{gap()}{spell(item, random, spaces)}{gap()}' for item in items) or gap()}]"
        case _:
            return json.dumps(tree)


def _spell_character(char: str, random: Random) -> str:
    escaped = json.dumps(char)[1:-1]
    if char < " " or char in '"\\':
        return random.choice((escaped, f"\\u{ord(char):04X}"))
    units = char.encode("utf-16-be").hex()
    units = random.choice((units, units.upper()))
    return char if random.random() < 0.8 else "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def shape(text: str) -> Any:
    """The tree with each string of a value as its length, numbers as they are spelled, and repeated keys."""
    return _lengths(json.loads(text, object_pairs_hook=_pairs, parse_int=Number, parse_float=Number, strict=False))


def _pairs(pairs: list[tuple[str, Any]]) -> Any:
    return ("object", pairs)


def _lengths(tree: Any) -> Any:
    match tree:
        case str():
            return f"{len(tree)} characters"
        case ("object", pairs):
            return ("object", [(name, _lengths(value)) for name, value in pairs])
        case list():
            return [_lengths(item) for item in tree]
        case _:
            return tree


def around_strings(text: str) -> list[str]:
    """What stands between the strings of a text of JSON."""
    return re.split(r'"(?:[^"\\]|\\.)*"', text, flags=re.DOTALL)


def strings(tree: Any) -> list[str]:
    match tree:
        case str():
            return [tree]
        case ("object", pairs):
            return [each for _, value in pairs for each in strings(value)]
        case list():
            return [each for item in tree for each in strings(item)]
        case _:
            return []


def words(tree: Any) -> set[str]:
    """What a person wrote, as far as it is long enough to be no word of the stand-ins by chance."""
    found = {word for text in strings(tree) for word in re.findall(r"[^\W\d_]{7,}", text)}
    return found - {"gpt-4.1", "end_turn"}
