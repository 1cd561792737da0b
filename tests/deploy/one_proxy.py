"""A small proxy: says its name; streams for as long as its file `go on` does not exist; fails when it is asked to.

python tests/deploy/one_proxy.py NAME [exit CODE | asleep]
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn

NAME = sys.argv[1]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    path = scope["path"]
    headers = [(b"cf-ray", b"8a-FRA")] if path == "/cloudflare" else []
    status = 503 if path in ("/cloudflare", "/unavailable") or scope["query_string"] == b"unavailable" else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": NAME.encode() + b"\n", "more_body": True})
    if path == "/stream":
        file = Path(dict(scope["headers"])[b"until"].decode())
        while not await asyncio.to_thread(file.exists):
            await asyncio.sleep(0.02)
    if path == "/broken":
        raise RuntimeError("broken")
    await send({"type": "http.response.body", "body": b"end"})


if sys.argv[2:3] == ["exit"]:
    print("so it goes")
    sys.exit(int(sys.argv[3]))
if sys.argv[2:3] == ["asleep"]:
    time.sleep(600)
uvicorn.run(app, port=0, lifespan="off", log_level="warning")
