"""One line a request, as JSON or for people."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any, Literal

from sdk_proxy.request_record import Record

LogFormat = Literal["json", "text"]
_LITELLM = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")  # litellm/_logging.py, 1.106.2
log = logging.getLogger("sdk_proxy.requests")


def to_stdout() -> None:
    """Lines as they are: a formatter of somebody else's would make two of JSON and its own prefix.

    LiteLLM's own log repeats prompts, answers and tracebacks: it is silent, unless LITELLM_LOG asks for it. All others
    (uvicorn, asyncio, ...) are `Wordless`; Python's warnings, pydantic's among them, repeat values: there are none.
    """
    warnings.simplefilter("ignore")
    others = logging.StreamHandler()
    others.setFormatter(Wordless())
    logging.getLogger().handlers[:] = [others]
    if "LITELLM_LOG" not in os.environ:
        for name in _LITELLM:
            logging.getLogger(name).setLevel(logging.CRITICAL)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.INFO)


class Wordless(logging.Formatter):
    """Of a message its first line, of an exception its type and where it came from: what either says besides may be a
    client's, or a provider's. uvicorn logs a traceback with its words, asyncio the exception of a lost task."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        frames = traceback.extract_tb(error.__traceback__) if error is not None else ()
        places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        kind = [f"  {type(error).__name__}"] if error is not None else []
        return "\n".join((record.getMessage().partition("\n")[0], *places, *kind))


def logging_of(models: frozenset[str], form: LogFormat) -> Callable[[Record], None]:
    write = json.dumps if form == "json" else _text

    def tell(record: Record) -> None:
        log.info("%s", write(told(record, models)))

    return tell


def told(record: Record, models: frozenset[str]) -> dict[str, Any]:
    """All that the log knows."""
    return {
        "id": record.id,
        "route": record.route,
        "client": record.client,
        "user_id": record.user_id,
        "model": record.model_among(models),
        "status": record.status,
        "ttft": _rounded(record.ttft),
        "duration": _rounded(record.duration),
        "upstream_calls": record.upstream_calls,
        "cookies_sent": record.cookies_sent,
        "client_left": record.client_left,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def _text(line: dict[str, Any]) -> str:
    return " ".join(f"{name}={json.dumps(value) if isinstance(value, str) else value}" for name, value in line.items())
