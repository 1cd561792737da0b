"""The reports of a run, as files: each whole, or not there."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from harness.errors import BadInput
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.redaction import Redaction
from harness.report.summary import Summary

REPORTS = ("parity.md", "parity.json", "junit.xml")


def write_reports(result: Summary, folder: Path, redaction: Redaction) -> tuple[Path, ...]:
    """parity.json, parity.md, junit.xml: their paths. The folder is made where it is not there."""
    texts = {
        "parity.json": json.dumps(result, indent=2) + "\n",
        "parity.md": markdown(result),
        "junit.xml": junit(result),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(written(folder / name, redaction.text(text)) for name, text in texts.items())


def written(file: Path, text: str) -> Path:
    """Under another name first: an interrupted run leaves no half a report. Lone surrogates are written as escapes.

    Raises `BadInput` where the disk is full, or nobody may write there.
    """
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(text.encode("utf-8", "backslashreplace"))
            Path(temporary).chmod(0o644)
            return Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror}", file) from error
