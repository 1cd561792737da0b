"""YAML text <-> plain tree (JSON's types only), in the layout that a person can read and a diff can show.

YAML 1.2 by ruamel.yaml: repeated keys are refused. Texts of several lines are literal blocks, small trees stay on one
line, equal big trees are written once and referred to.
"""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.representer import SafeRepresenter

from harness.errors import BadInput
from harness.model import Json

_SHARED = 1500  # characters of compact JSON from which an equal tree or text is written once
_LINE = 110  # a tree of up to that many characters stays on one line
_HIDDEN = frozenset({"Cf", "Mn", "Zs", "Zl", "Zp"})  # Unicode categories
_LINE_EACH = frozenset({"events", "must"})  # their members stay on one line, whatever their size
_LITERAL = re.compile(
    r"(?!\s)[^\x00-\x08\x0b-\x1f\x7f-\xa0\u2028\u2029\uFEFF\ud800-\udfff\ufffe\uffff]*(?<!\s)\n?",
)
_TAME = re.compile(r"[\w/.<>()][\w/.<>() ;=+$*-]*", re.ASCII)


def load(text: str, file: str) -> Json:
    """Raises `BadInput` with the line for what is not YAML, has a repeated key, or a value that JSON does not have."""
    yaml = YAML(typ="safe", pure=True)
    try:
        tree = yaml.load(text)
        foreign = next(_foreign(tree, ()), None)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise BadInput(str(error.problem or error.context).splitlines()[0], file, line) from error
    except RecursionError as error:
        raise BadInput("refers to itself, or is too deep", file) from error
    except (YAMLError, ValueError) as error:
        raise BadInput(f"is not YAML: {str(error).splitlines()[0]}", file) from error
    if foreign is not None:
        place, problem = foreign
        raise BadInput(problem, file, line_of(text, place), "/".join(str(part) for part in place))
    return tree  # type: ignore[no-any-return]


def line_of(text: str, place: Sequence[str | int]) -> int:
    """The line, from 1, of the deepest part of `place` that the document has."""
    node = YAML(typ="safe", pure=True).compose(text)
    line = 1
    for part in place:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def dump(tree: Json) -> str:
    """Lossless: `load(dump(tree)) == tree` (tests hold it), for every tree whose keys are texts."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 1 << 30
    yaml.default_flow_style = False
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    yaml.dump(_share(tree, {}), out)
    return "".join(_escaped(letter) if _is_hidden(letter) else letter for letter in out.getvalue())


def _is_hidden(letter: str) -> bool:
    """Whether an editor does not show the character, or may store another: format characters, blanks that are no space,
    marks of their own, and what Unicode's normal form C replaces (UAX 15). They only stand in double quotes."""
    if letter.isascii():
        return False
    return unicodedata.category(letter) in _HIDDEN or not unicodedata.is_normalized("NFC", letter)


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"


def _foreign(tree: object, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if isinstance(key, str):
                yield from _foreign(value, (*place, key))
            else:
                yield place, f"the key {key!r} is not a text: put it in quotes"
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _foreign(value, (*place, index))
    elif not (tree is None or isinstance(tree, bool | int | float | str)):
        yield place, f"{tree!s} is a {type(tree).__name__}, which JSON does not have: put it in quotes"


def _child(node: Node, part: str | int) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        return next(((key.start_mark.line + 1, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


def _share(tree: Json, seen: dict[str, Json]) -> Json:
    """The same tree, with equal big parts being the same object (which the serializer turns into an alias), and no
    other two parts."""
    key = json.dumps(tree, ensure_ascii=True)
    if len(key) >= _SHARED and key in seen:
        return seen[key]
    seen[key] = copy = _copy(tree, seen)
    return copy


def _copy(tree: Json, seen: dict[str, Json]) -> Json:
    if isinstance(tree, dict):
        return {key: _share(value, seen) for key, value in tree.items()}
    return [_share(value, seen) for value in tree] if isinstance(tree, list) else tree


class _Representer(SafeRepresenter):
    """Adds the layout: which trees stay on one line, which texts are literal blocks, which parts may be shared."""

    def ignore_aliases(self, data: object) -> bool:
        return len(data) < _SHARED if isinstance(data, str) else not isinstance(data, dict | list)

    def represent_str(self, data: str) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=_style(data))

    def represent_mapping(self, tag: str, mapping: dict[str, Json], flow_style: bool | None = None) -> MappingNode:  # noqa: ARG002
        node = super().represent_mapping(tag, mapping, flow_style=False)
        node.flow_style = _room(node, _LINE) >= 0
        for key, value in node.value:
            if key.value in _LINE_EACH and isinstance(value, SequenceNode):
                _one_line_each(value)
        return node

    def represent_sequence(self, tag: str, sequence: list[Json], flow_style: bool | None = None) -> SequenceNode:  # noqa: ARG002
        node = super().represent_sequence(tag, sequence, flow_style=False)
        node.flow_style = _room(node, _LINE) >= 0
        return node


_Representer.add_representer(str, _Representer.represent_str)


def _style(text: str) -> str | None:
    """A literal block only where it is sure to come back whole: no line break but \\n, nothing invisible."""
    if "\n" in text and _LITERAL.fullmatch(text) and not any(map(_is_hidden, text)):
        return "|"
    return None if _TAME.fullmatch(text) else '"'


def _room(node: Node, room: int) -> int:
    """What is left of `room` characters once the node is written on one line; negative: it does not fit."""
    if isinstance(node, ScalarNode):
        return -1 if node.style == "|" else room - len(node.value) - 2
    for part in node.value:
        for child in part if isinstance(part, tuple) else (part,):
            room = _room(child, room - 2)
            if room < 0:
                return room
    return room


def _one_line_each(node: SequenceNode) -> None:
    node.flow_style = False
    for member in node.value:
        if isinstance(member, CollectionNode):
            member.flow_style = True
