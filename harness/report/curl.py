"""A request -> the curl command that sends it: to be pasted into a shell, with the key in $KEY."""

from __future__ import annotations

import base64
import shlex

from harness.model import Request

_OWN = frozenset({"host", "content-length", "connection"})  # curl's own business


def curl(request: Request, url: str) -> str:
    """-i shows the head, -N does not buffer. A body that is no text goes through base64."""
    text = _text(request.body)
    words = [
        "curl",
        "-isSN",
        *(["-I"] if request.method == "HEAD" else ["-X", request.method]),
        _address(url, request.path),
    ]
    headers = [f"{name}: {value}" for name, value in request.headers if name.lower() not in _OWN]
    lines = [" ".join(map(shlex.quote, words)), *(f"-H {_with_key(header)}" for header in headers)]
    if request.body:
        lines.append(f"--data-binary {'@-' if text is None else shlex.quote(text)}")
    command = " \\\n  ".join(lines)
    return command if text is not None else f"echo {base64.b64encode(request.body).decode()} | base64 -d | {command}"


def _address(url: str, path: str) -> str:
    """Return the URL that a client of that gateway asks: a path in `url` goes before the request's own."""
    return f"{url.rstrip('/')}{path}"


def _text(body: bytes) -> str | None:
    """None where a shell's word cannot hold it."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _with_key(header: str) -> str:
    before, key, after = header.partition("<key>")
    return shlex.quote(header) if not key else f'{shlex.quote(before)}"$KEY"{shlex.quote(after) if after else ""}'
