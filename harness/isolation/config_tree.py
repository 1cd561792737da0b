"""A LiteLLM configuration -> a tree in which each value knows its file and line. Read as LiteLLM reads it: with PyYAML,
YAML 1.1, `include` merged in, the last one of two equal keys. A parser that differs would let an address through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import yaml

from harness.errors import BadInput

Scalar: TypeAlias = str | int | float | bool | None
Place: TypeAlias = tuple[str, ...]

_INCLUDE = "include"
_MOST_LEVELS = 100
_MOST_VALUES = 250_000  # once aliases are written out


@dataclass(frozen=True, slots=True)
class Node:
    """`line` counts from 1: of the key in a mapping, of the value in a list."""

    value: Scalar | dict[str, Node] | list[Node]
    file: Path
    line: int

    @property
    def mapping(self) -> dict[str, Node]:
        """Its keys; none where it is something else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """Its elements; none where it is something else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str:
        """Empty where it is no text."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def is_off(self) -> bool:
        return self.value is None or self.value is False or self.value in ("", [], {})

    def section(self, name: str) -> Node:
        """An empty one where the key is not there."""
        return self.mapping.get(name) or replace(self, value=None)


def read_config(file: Path) -> Node:
    """Return the whole configuration, its included files merged in. Raises `BadInput`."""
    return _with_includes(file)


def config_files(file: Path) -> tuple[Path, ...]:
    """Return the file and all that it includes. Raises `BadInput`."""
    return tuple(path for path, _ in _all_files(file))


def walk(node: Node, place: Place = ()) -> Iterator[tuple[Place, Node]]:
    """Yield each value below the node, mappings and lists included; an index of a list is a number in the place."""
    children = node.mapping.items() or ((str(index), each) for index, each in enumerate(node.items))
    for name, child in children:
        yield (*place, name), child
        yield from walk(child, (*place, name))


def _with_includes(file: Path) -> Node:
    """Merge as litellm/proxy/common_utils/config_includes.py, resolve_includes, does: lists are extended, all else is
    replaced."""
    first, *others = (node for _, node in _all_files(file))
    merged = dict(first.mapping)
    for other in others:
        for name, value in other.mapping.items():
            before = merged.get(name)
            both = before is not None and isinstance(before.value, list) and isinstance(value.value, list)
            merged[name] = replace(value, value=[*before.items, *value.items]) if before and both else value
    merged.pop(_INCLUDE, None)
    return replace(first, value=merged)


def _all_files(file: Path) -> list[tuple[Path, Node]]:
    """Return each file once, in the order in which LiteLLM merges them: breadth first."""
    found = [(file, _document(file))]
    known = {file.resolve()}
    for path, node in found:  # grows
        for entry in node.section(_INCLUDE).items:
            included = _included_path(entry, path, file)
            if included.resolve() not in known:
                known.add(included.resolve())
                found.append((included, _document(included)))
    return found


def _included_path(entry: Node, declared_in: Path, first: Path) -> Path:
    """Next to the file that names it, else next to the first one (resolve_include_file_path)."""
    beside = [parent.parent / entry.text for parent in (declared_in, first)]
    for path in beside:
        if entry.text and path.is_file():
            return path
    raise BadInput(f"the included file {entry.text!r} is not there: mend the path", entry.file, entry.line, _INCLUDE)


def _document(file: Path) -> Node:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadInput(f"cannot be read ({why}): name another with --config", file) from error
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        node = _Reader(loader, file).read(root, 1) if root is not None else Node({}, file, 1)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or type(error).__name__
        raise BadInput(f"is not YAML: {problem}", file, mark.line + 1 if mark else None) from error
    except (RecursionError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        raise BadInput(f"is not YAML: {type(error).__name__}", file) from error
    if not isinstance(node.value, dict):
        raise BadInput("is not a mapping: it begins with `model_list:`", file, 1)
    return node


class _Reader:
    """Makes the tree of one document; counts its values, so that aliases in aliases end."""

    def __init__(self, loader: yaml.SafeLoader, file: Path) -> None:
        self._loader, self._file, self._values = loader, file, 0

    def read(self, node: yaml.Node, line: int, level: int = 0) -> Node:
        self._values += 1
        if level > _MOST_LEVELS or self._values > _MOST_VALUES:
            limit = f"{_MOST_LEVELS} levels" if level > _MOST_LEVELS else f"{_MOST_VALUES} values"
            raise BadInput(f"holds more than {limit} once its aliases are written out", self._file, line)
        if isinstance(node, yaml.MappingNode):
            self._loader.flatten_mapping(node)
            pairs = ((str(self._loader.construct_object(key, deep=True)), key, value) for key, value in node.value)
            read = {name: self.read(value, key.start_mark.line + 1, level + 1) for name, key, value in pairs}
            return Node(read, self._file, line)
        if isinstance(node, yaml.SequenceNode):
            elements = [self.read(each, each.start_mark.line + 1, level + 1) for each in node.value]
            return Node(elements, self._file, line)
        value = self._loader.construct_object(node)
        plain = value if isinstance(value, str | int | float | bool) or value is None else str(value)
        return Node(plain, self._file, line)
