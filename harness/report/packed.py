"""What the page shows on demand, small enough to be inside it: gzip, in base64, as a browser can open it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

from harness.report.detail import Lines, Thrift

MOST = 2_400_000  # characters of all details: the page is to stay under 3 MB
LEVELS = (Thrift(150, 240, 200), Thrift(10, 160, 60), Thrift(3, 80, 20), Thrift(1, 40, 8))

Details = Callable[[Lines, Thrift], Mapping[str, Any]]


def packed(value: Any) -> str:
    """The inverse, in a browser: atob, DecompressionStream("gzip"), JSON.parse."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return base64.b64encode(gzip.compress(plain, 9, mtime=0)).decode("ascii")


def packed_details(make: Details, clean: Callable[[Any], Any], most: int = MOST) -> str:
    """As much of each scenario as there is room for. What still does not fit is left out from the end: `make` gives
    the scenarios in the order of their importance. `clean` takes the secrets out."""
    for thrift in LEVELS:
        lines = Lines()
        details = make(lines, thrift)
        text = packed(clean({"lines": lines.all, "details": details}))
        if len(text) <= most:
            return text
    return _first(details, lines, clean, most, len(text))


def _first(details: Mapping[str, Any], lines: Lines, clean: Callable[[Any], Any], most: int, size: int) -> str:
    names = [*details]
    while names:
        names = names[: int(len(names) * min(0.9, most / size))]
        text = packed(clean({"lines": lines.all, "details": {name: details[name] for name in names}}))
        size = len(text)
        if size <= most:
            return text
    return packed({"lines": [], "details": {}})
