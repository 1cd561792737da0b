"""The whole -> summary.md: what the page says, for a terminal, a pull request or a job's summary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.report.facts import facts
from harness.report.figures import figure, short, when
from harness.report.markdown import cell, code


def whole_markdown(result: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown: `cell` and `code` escape
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": cell, "code": code, "figure": figure, "when": when, "short": short}
    text = environment.get_template("summary.md.jinja").render(parity_file=_parity_file(result), **facts(result))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _parity_file(result: Mapping[str, Any]) -> str:
    files = [str(one["file"]) for one in result["measured"] if one["name"] == "parity" and one["file"]]
    return files[0].removesuffix("json") + "md" if files else "parity.md"
