"""Other tools' recordings -> a scenario; what a run has seen -> an HTTP Archive that other tools open."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from harness.clients.program import bare_environment, run
from harness.errors import BadInput
from harness.model import Exchange, Json, Role
from harness.observation import store
from harness.traffic import har

Face = Literal["client", "upstream"]


async def read(archive: Path) -> tuple[Exchange, ...]:
    """The exchanges of a HAR, or of a file of mitmproxy's flows, which mitmproxy's own `mitmdump` has to be there for.

    Raises `BadInput` if it is neither.
    """
    try:
        data = archive.read_bytes()  # noqa: ASYNC240 - nothing else waits
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", archive) from error
    if data.lstrip()[:1] == b"{" or data.startswith(b"\xef\xbb\xbf"):
        return har.exchanges(data.decode("utf-8-sig", "replace"), str(archive))
    return har.exchanges(await _flows(archive), str(archive))


async def _flows(archive: Path) -> str:
    """mitmproxy's flows as a HAR: its format is its own, and changes with its versions."""
    with tempfile.TemporaryDirectory(prefix="mitmdump-") as home:
        out = Path(home, "flows.har")
        command = ("mitmdump", "-n", "-q", "-r", str(archive), "--set", f"hardump={out}")
        code, said = await run(command, bare_environment(Path(home)), Path.cwd())
        text = _text(out)
        if code or text is None:
            raise BadInput(f"is neither a HAR nor mitmproxy's flows: {said.strip()[-300:]}", archive)
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
