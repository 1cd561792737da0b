"""config.yaml -> a tree, and the file and line of each of its keys. Read as LiteLLM does: YAML 1.1, with `include`, and
with null in the place of a variable that is not set."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

Place = Sequence[str | int]

log = logging.getLogger(__name__)

PROCESS_ENVIRONMENT: Mapping[str, str] = os.environ
INCLUDE = "include"
MOST_LEVELS = 100  # as deep as LiteLLM looks for references (constants.py, DEFAULT_MAX_RECURSE_DEPTH, 1.106.2)
MOST_VALUES = 250_000  # once aliases are written out
_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
# Without a value there LiteLLM does not start (for the master key: auth/master_key_boot_check.py, 1.106.2), or the
# gateway would be open because a variable was forgotten.
_NEEDED = frozenset(
    {("model_list", "model_name"), ("model_list", "litellm_params", "model"), ("general_settings", "master_key")}
)
_OURS = "user_id_mappings"


class ConfigError(Exception):
    """The configuration cannot be used. The message names file, line and key, never a value that may be a secret."""

    def __init__(self, file: Path, message: str, line: int | None = None, key: str = "") -> None:
        place = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (place, key, message) if part))
        self.file, self.line, self.key, self.message = file, line, key, message


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """`tree` is what the file says, its included files merged in, its references to the environment as they stand.

    `unset` names the variables that are not set, each with its place: there the tree has None.
    """

    path: Path
    tree: dict[str, Any] = field(repr=False)
    root: MappingNode = field(repr=False)
    unset: Sequence[tuple[str, Place]] = ()

    def line(self, place: Place) -> tuple[Path, int]:
        """Where the deepest part of `place` that the configuration has is written; lines count from 1."""
        node: Node = self.root
        mark = node.start_mark
        for part in place:
            found = _child(node, part)
            if found is None:
                break
            mark, node = found
        return Path(mark.name), mark.line + 1

    def error(self, message: str, place: Place) -> ConfigError:
        file, line = self.line(place)
        return ConfigError(file, message, line, key_of(place))


def key_of(place: Place) -> str:
    return ".".join(str(part) for part in place)


def read(file: Path, environ: Mapping[str, str] | None = None) -> ConfigFile:
    """Raises `ConfigError`, and nothing else, whatever the file holds.

    `environ`: by default the environment of the process (the binary proxy reads so); then the log names what is unset.
    """
    root = _with_includes(_mapping(file), file)
    try:
        source = ConfigFile(file, _Loader("").construct_document(root), root)
    except (yaml.YAMLError, RecursionError) as error:
        raise _not_yaml(file, error) from None
    source = _without_unset(source, PROCESS_ENVIRONMENT if environ is None else environ)
    if source.unset and environ is None:
        log.warning("warning: %s", unset_message(file, [(name, key_of(place)) for name, place in source.unset]))
    return source


def unset_message(file: Path, unset: Iterable[tuple[str, str]]) -> str:
    """`unset`: each variable, with the key that refers to it."""
    named = ", ".join(f"{name} ({key})" for name, key in unset)
    return (
        f"{file}: environment variables that are not set: {named}. LiteLLM takes null for them, and so do both proxies"
    )


def _without_unset(source: ConfigFile, environ: Mapping[str, str]) -> ConfigFile:
    """As LiteLLM's ProxyConfig._resolved_config_value (1.106.2). Raises ConfigError where there must be a value."""
    from sdk_proxy.schema import resolve  # noqa: PLC0415 - it reads with this module

    unset: list[tuple[str, Place]] = []
    while True:
        try:
            resolve(source.tree, environ, _Unset)
        except _Unset as error:
            unset.append((error.key, error.place))
            _set(source.tree, error.place, None)
        else:
            break
    needed = next((place for _, place in unset if _is_needed(place)), None)
    if needed is not None:
        names = ", ".join(dict.fromkeys(name for name, _ in unset))
        what = f"the environment variable {names} is" if len(unset) == 1 else f"the environment variables {names} are"
        raise source.error(f"{what} not set: set it, or take this key out", needed)
    return ConfigFile(source.path, source.tree, source.root, tuple(unset))


class _Unset(ConfigError):
    def __init__(self, name: str, place: Place) -> None:
        super().__init__(Path(), "is not set", key=name)
        self.place = place


def _set(tree: Any, place: Place, value: Any) -> None:
    for part in place[:-1]:
        tree = tree[part]
    tree[place[-1]] = value


def _is_needed(place: Place) -> bool:
    return place[0] == _OURS or tuple(part for part in place if isinstance(part, str)) in _NEEDED


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: Node, deep: bool = False) -> Any:  # type: ignore[no-untyped-call,unused-ignore]
        """What cannot be made (`2024-13-45`, `!!int x`) is told with its line, not by Python's own words for it."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            kind = node.tag.rpartition(":")[2]
            raise ConstructorError(None, None, f"this is no {kind} of YAML 1.1", node.start_mark) from error


def _mapping(file: Path) -> MappingNode:
    """The one document of the file, `<<` merged into the mappings of its first level."""
    text = _text(file)
    try:
        loader = _Loader(text)
        loader.name = str(file)
        node = loader.get_single_node()
        if not isinstance(node, MappingNode):
            what = "is empty" if node is None else "is not a mapping"
            raise ConfigError(file, f"{what}: it begins with `model_list:`", 1)
        _measure(node, (), {})
        loader.flatten_mapping(node)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _not_yaml(file, error, text) from None
    for key, _ in node.value:
        if key.tag != _TEXT:
            raise _error(key, f"the key {key.value!r} is not a text")
    return node


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ConfigError(file, f"is not UTF-8 at byte {error.start}", line) from error
        why = getattr(error, "strerror", error)
        raise ConfigError(file, f"cannot be read ({why}): name another with --config") from error


def _not_yaml(file: Path, error: Exception, text: str = "") -> ConfigError:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context).splitlines()[0]
        where = Path(mark.name) if mark else file
        return ConfigError(where, f"is not YAML: {problem}", mark.line + 1 if mark else None)
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return ConfigError(file, f"is not YAML: the character U+{int(error.character):04X}", line)
    problem = "nested too deeply" if isinstance(error, RecursionError) else type(error).__name__
    return ConfigError(file, f"is not YAML: {problem}")


def _measure(node: Node, above: tuple[Node, ...], known: dict[Node, tuple[int, int]]) -> tuple[int, int]:
    """How many values the node holds and how many levels, aliases written out, without writing them out.

    Raises ConfigError where that would not end, or not soon, and for a key that is there twice.
    """
    if node in above:
        raise _error(node, "a YAML alias holds itself")
    if node not in known:
        _refuse_repeated_keys(node)
        inner = [_measure(child, (*above, node), known) for child in _children(node)]
        size = 1 + sum(values for values, _ in inner)
        height = 1 + max((levels for _, levels in inner), default=0)
        if size > MOST_VALUES or height > MOST_LEVELS:
            limit = f"{MOST_VALUES} values" if size > MOST_VALUES else f"{MOST_LEVELS} levels"
            raise _error(node, f"holds more than {limit} once its aliases are written out")
        known[node] = size, height
    return known[node]


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield from (key, value)
    elif isinstance(node, SequenceNode):
        yield from node.value


def _refuse_repeated_keys(node: Node) -> None:
    """LiteLLM takes the last one, silently: the other was surely meant as well."""
    seen = set()
    for key, _ in node.value if isinstance(node, MappingNode) else ():
        if isinstance(key, ScalarNode) and key.tag != _MERGE:
            if (key.tag, key.value) in seen:
                raise _error(key, f"found duplicate key {key.value!r}")
            seen.add((key.tag, key.value))


def _with_includes(root: MappingNode, file: Path) -> MappingNode:
    """As litellm/proxy/common_utils/config_includes.py, resolve_includes (1.106.2).

    Lists are extended, all else is replaced.
    """
    loaded = {file.resolve()}
    pending = [(entry, file) for entry in _includes(root)]
    while pending:
        entry, declared_in = pending.pop(0)
        path = _included_path(entry, declared_in, file)
        if path.resolve() not in loaded:
            loaded.add(path.resolve())
            included = _mapping(path)
            pending += [(inner, path) for inner in _includes(included)]
            root = _merged(root, included)
    return root


def _includes(root: MappingNode) -> list[ScalarNode]:
    found = _child(root, INCLUDE)
    if found is None:
        return []
    mark, node = found
    entries = node.value if isinstance(node, SequenceNode) else [node]
    if not isinstance(node, SequenceNode) or not all(entry.tag == _TEXT for entry in entries):
        raise ConfigError(Path(mark.name), "is not a list of file paths", mark.line + 1, INCLUDE)
    return list(entries)


def _included_path(entry: ScalarNode, declared_in: Path, first: Path) -> Path:
    """Next to the file that names it, else next to the first one (resolve_include_file_path)."""
    beside: list[Path] = [parent.parent / entry.value for parent in (declared_in, first)]
    try:
        found = next(path for path in beside if path.exists())
    except (StopIteration, OSError, ValueError):
        raise _error(entry, f"the included file {entry.value!r} is not there", INCLUDE) from None
    if found.is_dir():  # LiteLLM looks for no other
        raise _error(entry, f"the included file {entry.value!r} is a folder", INCLUDE)
    return found


def _merged(base: MappingNode, included: MappingNode) -> MappingNode:
    pairs = {key.value: (key, value) for key, value in base.value}
    for key, value in included.value:
        before = pairs.get(key.value)
        if before and isinstance(before[1], SequenceNode) and isinstance(value, SequenceNode):
            value = SequenceNode(value.tag, [*before[1].value, *value.value], before[1].start_mark)  # noqa: PLW2901
        if key.value != INCLUDE:
            pairs[key.value] = (before or (key,))[0], value
    return MappingNode(base.tag, list(pairs.values()), base.start_mark)


def _child(node: Node, part: str | int) -> tuple[yaml.Mark, Node] | None:
    if isinstance(node, MappingNode):
        return next(((key.start_mark, value) for key, value in reversed(node.value) if key.value == str(part)), None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark, node.value[part]
    return None


def _error(node: Node, message: str, key: str = "") -> ConfigError:
    return ConfigError(Path(node.start_mark.name), message, node.start_mark.line + 1, key)
