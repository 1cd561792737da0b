"""What a file looks like that is no recording: for messages. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

ACCEPTED = (
    "accepted are a HAR 1.2, mitmproxy's flows, VCR cassettes (VCR.py, pytest-recording, VCR for Ruby; YAML or JSON),"
    " and the JSON lines of claude-trace, ccs-proxy and llm-interceptor"
)
# tnetstrings: a dict that begins with its first key (mitmproxy, io/tnetstring.py)
_FLOWS = re.compile(rb"\d{1,12}:\d{1,4}:\w+[;,]")
_MAGIC = (
    (b"\x1f\x8b", "is compressed with gzip: unpack it first (gunzip)"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first"),
    (b"BZh", "is compressed with bzip2: unpack it first"),
    (b"PK\x03\x04", "is a zip archive, as Charles, Fiddler and Playwright write: unpack it, or export a HAR"),
    (b"SQLite format 3\x00", "is a database of SQLite, as claude-code-proxy writes"),
    (b"\xd4\xc3\xb2\xa1", "is a packet capture (pcap), which holds TLS as it was on the wire: export a HAR"),
    (b"\xa1\xb2\xc3\xd4", "is a packet capture (pcap), which holds TLS as it was on the wire: export a HAR"),
    (b"\x0a\x0d\x0d\x0a", "is a packet capture (pcapng), which holds TLS as it was on the wire: export a HAR"),
)
_HTTP = re.compile(r"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) \S+ HTTP/|HTTP/\d|curl ")


def is_flows(data: bytes) -> bool:
    """Whether mitmproxy has written it."""
    return _FLOWS.match(data) is not None


def describe_bytes(data: bytes) -> str | None:
    """None for what may be text."""
    if not data.strip():
        return "is empty"
    for magic, what in _MAGIC:
        if data.startswith(magic):
            return what
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"is binary, or no UTF-8 (byte {error.start})"
    return "is binary: it has a null byte" if b"\0" in data else None


def describe_text(text: str) -> str | None:
    """What is seen without reading it as JSON or YAML; None for what may be one of them."""
    start = text.lstrip()
    if start.startswith("<"):
        return "looks like HTML or XML"
    return "looks like HTTP as text, or a command of curl" if _HTTP.match(start) else None


def describe_tree(tree: Any, language: str) -> str:
    """`language`: JSON, YAML or JSON lines."""
    match tree:
        case {"log": _}:
            return "looks like a HAR, but its log has no entries"
        case {"format": _, "steps": _}:
            return "is a scenario already"
        case [{"request": {"uri": _} | {"host": _}}, *_]:
            return "looks like a cassette of VCR.py before 1.0: convert it with python -m vcr.migration"
        case {"sessionId": _, "type": _} | {"leafUuid": _}:
            return "is a transcript of Claude Code, which has the conversation but not the HTTP calls"
        case {"level": _, "time": _, "pid": _}:
            return "is a log of pino, as claude-code-router writes, which does not hold whole calls"
        case {"openapi": _} | {"swagger": _}:
            return "is a description of an API (OpenAPI)"
        case {"model_list": _}:
            return "is a configuration of LiteLLM"
        case Mapping():
            names = ", ".join(map(json.dumps, map(str, [*tree][:5])))
            return (
                f"is {language} of another kind: its keys are {names}" if tree else f"is an empty object of {language}"
            )
        case list():
            return f"is a list in {language}" if tree else f"is an empty list in {language}"
        case _:
            return "is text" if language == "YAML" else f"is {language} of another kind"
