"""Other tools' recordings -> a scenario; what a run has seen -> an HTTP Archive that other tools open."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from harness.clients.program import bare_environment, run
from harness.errors import BadInput
from harness.model import Exchange, Json, Role
from harness.observation import store
from harness.traffic import cassette, foreign_file, har, traces
from harness.traffic.foreign_file import ACCEPTED

Face = Literal["client", "upstream"]


async def read(archive: Path) -> tuple[Exchange, ...]:
    """The exchanges of another tool's recording; `foreign_file.ACCEPTED` says of which.

    mitmproxy's flows need its own program `mitmdump`. Raises `BadInput`, which tells what the file looks like, for any
    other file.
    """
    try:
        data = archive.read_bytes()  # noqa: ASYNC240 - nothing else waits
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", archive) from error
    if foreign_file.is_flows(data):
        return har.exchanges(await _flows(archive), str(archive))
    if (what := foreign_file.describe_bytes(data)) is not None:
        raise _unknown_file(what, archive)
    return parse(data.decode("utf-8-sig"), str(archive))


def parse(text: str, file: str) -> tuple[Exchange, ...]:
    """The exchanges of a HAR, a cassette or a trace. Raises `BadInput` for any other text."""
    if (what := foreign_file.describe_text(text)) is not None:
        raise _unknown_file(what, file)
    is_json = text.lstrip()[:1] in ("{", "[")
    lines = _json_lines(text, file) if is_json else ()
    tree: Any = lines[0][1] if len(lines) == 1 else None if is_json else cassette.read_yaml(text, file)
    if isinstance(tree, dict) and isinstance(tree.get("log"), dict) and "entries" in tree["log"]:
        return har.exchanges(text, file)
    if cassette.is_cassette(tree):
        return _require_calls(cassette.exchanges(tree, file), "a cassette", file)
    if isinstance(tree, list) and is_json:
        lines = tuple((number, each) for number, each in enumerate(tree, 1)) or lines
    if lines and (traces.is_call(lines[0][1]) or traces.is_record(lines[0][1])):
        return _require_calls(traces.exchanges(lines, file), "a trace", file)
    first = lines[0][1] if len(lines) > 1 and not isinstance(tree, list) else tree
    raise _unknown_file(foreign_file.describe_tree(first, _language(is_json, len(lines))), file)


def _language(is_json: bool, lines: int) -> str:
    return ("JSON lines" if lines > 1 else "JSON") if is_json else "YAML"


def _json_lines(text: str, file: str) -> tuple[traces.Line, ...]:
    """The whole as one tree, or each line as one, with its number. Raises `BadInput` where neither is JSON."""
    try:
        return ((1, json.loads(text)),)
    except (ValueError, RecursionError) as error:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2:
            raise _unknown_file(f"looks like JSON, but is none: {error}", file) from error
    return tuple((number, _json_line(line, number, file)) for number, line in lines)


def _json_line(line: str, number: int, file: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"looks like JSON, or JSON lines, but is none: {error}; {ACCEPTED}", file, number) from error


def _require_calls(found: tuple[Exchange, ...], what: str, file: str) -> tuple[Exchange, ...]:
    if not found:
        raise BadInput(f"is {what} without calls: nothing was recorded in it", file)
    return found


def _unknown_file(what: str, file: Path | str) -> BadInput:
    return BadInput(f"{what}. That is no recording that can be read: {ACCEPTED}", file)


async def _flows(archive: Path) -> str:
    """mitmproxy's flows as a HAR: its format is its own, and changes with its versions."""
    with tempfile.TemporaryDirectory(prefix="mitmdump-") as home:
        out = Path(home, "flows.har")
        command = ("mitmdump", "-n", "-q", "-r", str(archive), "--set", f"hardump={out}")
        code, said = await run(command, bare_environment(Path(home)), Path.cwd())
        text = _text(out)
        if code or text is None:
            raise BadInput(f"begins as mitmproxy's flows, which mitmdump cannot read: {said.strip()[-300:]}", archive)
        return text


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


def exported(folder: Path, scenario: str, role: Role, face: Face) -> Json:
    """One face of one target in one scenario of a stored run, as a HAR. Raises `BadInput` if the run has it not."""
    file = folder / "observations.ndjson"
    began = datetime.fromtimestamp(file.stat().st_mtime, UTC) if file.exists() else datetime.now(UTC)
    for observation in store.read(file):
        if (observation.scenario, observation.role) == (scenario, role):
            seen: Sequence[Exchange] = observation.client if face == "client" else observation.upstream
            return har.har(seen, f"http://{face}.invalid", began, f"{scenario}: {role}, {face} face")
    raise BadInput(f"holds no observation of {scenario} by the {role}", file)


def export(file: Path, tree: Json) -> None:
    try:
        file.write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}", file) from error
