"""Found by PYTHONPATH in a process that starts: the SDK proxy of a drill gets the flaw that DRILL_FLAW names.

errors: every 20th answer is a 500; leak: 4 MiB are kept with each request; cloudflare: the 30th answer is a 503 of
Cloudflare's. Only what has a body is touched, so that it still says that it is ready.
"""

from __future__ import annotations

import os
import sys
from itertools import count
from typing import Any

_LEAK = 4 * 1024 * 1024
_EVERY, _ONCE = 20, 30
_CLOUDFLARE = (b"server", b"cloudflare"), (b"cf-mitigated", b"challenge")
_kept: list[bytearray] = []
_asked = count(1)


def flawed(app: Any, flaw: str) -> Any:
    """The same ASGI application, with that flaw."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        number = next(_asked) if scope["type"] == "http" and scope["method"] == "POST" else 0
        if number and flaw == "leak":
            _kept.append(bytearray(b"x" * _LEAK))
        if number and flaw == "errors" and number % _EVERY == 0:
            await _refused(send, 500, ())
        elif flaw == "cloudflare" and number == _ONCE:
            await _refused(send, 503, _CLOUDFLARE)
        else:
            await app(scope, receive, send)

    return answer


async def _refused(send: Any, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b"planted"})


def _plant(flaw: str) -> None:
    import uvicorn  # noqa: PLC0415 - only where something is planted

    make = uvicorn.Config.__init__

    def made(self: uvicorn.Config, app: Any, *args: Any, **options: Any) -> None:
        make(self, flawed(app, flaw), *args, **options)

    uvicorn.Config.__init__ = made  # type: ignore[method-assign]


if "DRILL_FLAW" in os.environ and "sdk_proxy" in sys.orig_argv:
    _plant(os.environ["DRILL_FLAW"])
