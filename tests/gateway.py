"""A gateway of one screen, for tests of the harness: it passes everything through, or breaks one thing on purpose.

python -m tests.gateway --port N --upstream URL [--broken NAME] [--prefix /PATH]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from random import randrange
from uuid import uuid4

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

BROKEN = (
    "nothing",
    "header-lost",
    "header-lost-once",
    "any-status",
    "beta-changed",
    "buffered",
    "late-now-and-then",
    "refusing",
    "cosmetic",
    "id-inconsistent",
    "dead",
    "slow-death",
    "death-once",
)
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
COMPLETION_ID = re.compile(rb"chatcmpl-[0-9A-Za-z]+")


def headers_up(request: Request, broken: str) -> list[tuple[str, str]]:
    headers = [(name, value) for name, value in request.headers.items() if name not in HOP_BY_HOP]
    if broken != "beta-changed":
        return headers
    return [(name, value.partition(",")[0] if name == "anthropic-beta" else value) for name, value in headers]


def loses_headers(broken: str, number: int) -> bool:
    """`number` counts its answers from 0."""
    return broken == "header-lost" or (broken == "header-lost-once" and number == 0)


def headers_down(answer: httpx.Response, broken: str, number: int) -> dict[str, str]:
    lost = HOP_BY_HOP | ({"request-id", "x-request-id"} if loses_headers(broken, number) else set())
    return {name: value for name, value in answer.headers.items() if name not in lost}


def renamer(broken: str) -> Callable[[bytes], bytes]:
    """Like LiteLLM, this gateway gives completions ids of its own: one for each answer, unless that is broken."""
    own = f"chatcmpl-{uuid4()}".encode()
    if broken == "id-inconsistent":
        return lambda chunk: COMPLETION_ID.sub(f"chatcmpl-{uuid4()}".encode(), chunk)
    return lambda chunk: COMPLETION_ID.sub(own, chunk)


async def body_of(answer: httpx.Response, broken: str) -> AsyncIterator[bytes]:
    rename = renamer(broken)
    try:
        if broken == "buffered":
            yield rename(b"".join([chunk async for chunk in answer.aiter_raw()]))
        else:
            async for chunk in answer.aiter_raw():
                yield rename(chunk)
    finally:
        await answer.aclose()


def create_app(upstream: str, broken: str, prefix: str = "") -> Starlette:
    client = httpx.AsyncClient(timeout=None)
    numbers = count()

    async def forward(request: Request) -> Response:
        if broken == "slow-death" and next(numbers):  # at its second call
            print("the gateway has died in the middle", flush=True)
            os._exit(3)
        if broken == "death-once" and next(numbers) and not Path(os.environ["MARK"], "died").exists():
            Path(os.environ["MARK"], "died").touch()
            os._exit(3)
        if broken == "refusing":
            told = f"Invalid model name passed in model={(await request.json())['model']}. Call `/v1/models`"
            return JSONResponse({"error": {"message": told}}, 400)
        url = httpx.URL(f"{upstream}/{request.path_params['path']}", query=request.url.query.encode())
        headers, body = headers_up(request, broken), await request.body()
        call = client.build_request(request.method, url, headers=headers, content=body)
        answer = await client.send(call, stream=True)
        status = randrange(400, 600) if broken == "any-status" else answer.status_code
        number = next(numbers)
        if broken == "late-now-and-then" and number % 10 == 9:
            await asyncio.sleep(2.0)
        headers_back = headers_down(answer, broken, number)
        if broken == "cosmetic" and answer.headers["content-type"] == "application/json":
            return Response(
                json.dumps(json.loads(await answer.aread())), status, headers_back
            )  # other blanks, a length
        return StreamingResponse(body_of(answer, broken), status, headers_back)

    methods = ["GET", "HEAD", "POST"]
    return Starlette(
        routes=[
            Route(f"{prefix}/health", lambda _: PlainTextResponse("healthy")),
            Route(f"{prefix}/{{path:path}}", forward, methods=methods),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--broken", choices=BROKEN, default="nothing")
    parser.add_argument("--prefix", default="", help="Serve below this path, and nothing elsewhere.")
    options = parser.parse_args()
    if options.broken == "dead":
        sys.exit("the gateway cannot start: its configuration is broken on purpose")
    app = create_app(options.upstream, options.broken, options.prefix)
    uvicorn.run(app, port=options.port, date_header=False, server_header=False, log_level="warning")


if __name__ == "__main__":
    main()
