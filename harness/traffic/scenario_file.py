"""scenarios/<client>/<name>.yaml <-> Scenario. Whatever is wrong with a file is a `BadInput` that names the place."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import ValidationError

from harness.errors import BadInput
from harness.model import Scenario
from harness.traffic import scenario_yaml
from harness.traffic.scenario_schema import FORMAT, ScenarioTree
from harness.traffic.scenario_tree import tree_of

NOT_SCENARIOS = frozenset(
    {"README.md", "differences.toml", "facts.toml", "scenario.schema.json"}
)  # what else may lie in the folder of the folders
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def read(path: Path) -> Scenario:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", path) from error
    tree = scenario_yaml.load(text, str(path))
    if isinstance(tree, dict) and tree.get("format") != FORMAT:
        raise _bad(text, path, ("format",), f"format {tree.get('format')!r} is not known: this version reads {FORMAT}")
    try:
        return ScenarioTree.model_validate(tree).scenario(path.parent.name, path.stem)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _bad(text, path, first["loc"], _advice(first["type"], first["msg"])) from error


def read_all(folder: Path) -> tuple[Scenario, ...]:
    """Every scenario, sorted by id. A file that is none is an error: it would be taken for one that runs."""
    if not folder.is_dir():
        raise BadInput("is not a folder: name the folder of the scenarios", folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    scenarios = [path for path in files if path.relative_to(folder).as_posix() not in NOT_SCENARIOS]
    for path in scenarios:
        _refuse_misplaced(path, folder)
    return tuple(sorted((read(path) for path in scenarios), key=lambda scenario: scenario.id))


def write(scenario: Scenario, path: Path) -> None:
    """Whole or not at all: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_text(scenario_yaml.dump(tree_of(scenario)), encoding="utf-8")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _refuse_misplaced(path: Path, folder: Path) -> None:
    parts = path.relative_to(folder).with_suffix("").parts
    if path.suffix != ".yaml" or len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):
        raise BadInput(
            "nobody loads this file: a scenario is <client>/<name>.yaml, in lower-case words-with-hyphens", path
        )


def _bad(text: str, path: Path, place: tuple[str | int, ...], message: str) -> BadInput:
    return BadInput(message, path, scenario_yaml.line_of(text, place), "/".join(str(part) for part in place))


def _advice(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is no field of a scenario file: remove it, or correct its name"
    if kind == "string_type":
        return "is not a text: put it in quotes"
    return message.removeprefix("Value error, ")
