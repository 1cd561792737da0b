"""What the SDK proxy does with each key of config.yaml: config_keys.toml, applied."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sdk_proxy.config_file import ConfigFile, Place, key_of, read
from sdk_proxy.schema import Config, checked, resolved

Verdict = Literal["honoured", "ignored", "unset", "refused"]

_TABLE = Path(__file__).with_name("config_keys.toml")
_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "text": (str,),
    "list": (list,),
    "mapping": (dict,),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """`type` is a key of _TYPES, or "" for any; `choices` are the only values, where there are some."""

    keys: Sequence[str]
    verdict: Verdict
    why: str = ""
    type: str = ""
    choices: Sequence[str] = ()

    def matches(self, place: Place) -> bool:
        return any(
            pattern.count(".") + 1 == len(place) and all(map(fnmatchcase, map(str, place), pattern.split(".")))
            for pattern in self.keys
        )


@dataclass(frozen=True, slots=True)
class Finding:
    file: Path
    line: int
    key: str
    verdict: Verdict
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.why}"


@cache
def rules() -> tuple[Rule, ...]:
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["rule"]
    return tuple(Rule(**entry) for entry in table)


def findings(source: ConfigFile, tree: Any, is_known: Callable[[Place], bool]) -> Iterator[Finding]:
    """One for each key, in the order of the file. `tree` is `source.tree`, its references resolved; of "unset" ones,
    `why` is the variable's name.

    `is_known` says whether LiteLLM has such a setting, for the keys that the table honours as a whole.
    """
    unset = {key_of(place): name for name, place in source.unset}
    for place, value in _keys(tree, ()):
        verdict, why = judge(place, value)
        if key_of(place) in unset and verdict != "refused":
            verdict, why = "unset", unset[key_of(place)]
        if verdict == "honoured" and not is_known(place):
            verdict, why = "ignored", "unknown: LiteLLM ignores it too"
        yield Finding(*source.line(place), key_of(place), verdict, why)


def examined(
    file: Path, environ: Mapping[str, str], is_known: Callable[[Place], bool] = lambda _: True
) -> tuple[Config, list[Finding]]:
    """Raises `ConfigError`, and nothing else, whatever the file holds."""
    source = read(file, environ)
    tree = resolved(source, environ)
    return checked(source, tree, environ), list(findings(source, tree, is_known))


def judge(place: Place, value: Any) -> tuple[Verdict, str]:
    """The sentence is there for what is not honoured, at the key that decides, not at those that lie in it."""
    rule, is_own = _rule(tuple("0" if isinstance(part, int) else str(part) for part in place))
    if isinstance(value, float) and math.isnan(value):
        return "refused", "is not a number (NaN)"
    if rule.verdict == "refused" and (value is None or value is False or value in ("", [], {})):
        return "ignored", "off, as it is here without it"
    if is_own and rule.type and not _fits(value, rule.type):
        return "refused", f"is {_kind(value)}; LiteLLM takes: {rule.type}"
    if is_own and rule.choices and value is not None and value not in rule.choices:
        return "refused", f"is none of {', '.join(rule.choices)}"
    return rule.verdict, rule.why if is_own else ""


@cache
def _rule(place: tuple[str, ...]) -> tuple[Rule, bool]:
    """And whether it is for the key itself, and not for one that it lies in."""
    for rule in rules():
        lengths = (length for length in range(1, len(place) + 1) if rule.matches(place[:length]))
        outermost = next(lengths, None)
        if outermost is not None:
            return rule, outermost == len(place)
    raise AssertionError("the last rule matches each key")


def _keys(tree: Any, above: Place) -> Iterator[tuple[Place, Any]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        if isinstance(tree, dict):
            yield (*above, key), value
        yield from _keys(value, (*above, key))


def _fits(value: Any, expected: str) -> bool:
    is_flag = isinstance(value, bool) and expected != "boolean"
    return value is None or (isinstance(value, _TYPES[expected]) and not is_flag)


def _kind(value: Any) -> str:
    """In the words of the table; what it is, never what it says, which may be a secret."""
    return "a " + next((name for name in reversed(_TYPES) if _fits(value, name)), "value of another kind")
