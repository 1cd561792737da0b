"""python -m harness.performance.pass_through: the least that a gateway can be, to hold others against.

It adds nothing to a call and takes nothing from it. What a gateway costs beyond it is what the gateway does; where it
cannot hold a load, the load generator or the machine is the limit. A target like any other: `pass-through` in
harness.toml.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import aiohttp
import click
import httpx
import uvicorn
import uvloop

HEALTH = "/health"  # answered here
_HOST = "127.0.0.1"
# What belongs to one hop (RFC 9110, section 7.6.1), and what the next one says itself.
_HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"host", b"content-length"))
_EMPTY = ((b"content-length", b"0"),)

RawHeaders = Iterable[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the upstream says; its body as it comes."""

    status: int
    headers: RawHeaders
    body: AsyncIterator[bytes]


Forward = Callable[[str, str, RawHeaders, bytes], AbstractAsyncContextManager[Answer]]
"""(method, URL, headers, body) -> the answer, within the block; raises OSError if there is none."""


@asynccontextmanager
async def _by_httpx() -> AsyncIterator[Forward]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(timeout=None, limits=limits) as client:  # noqa: S113 - the client's patience counts

        @asynccontextmanager
        async def forward(method: str, url: str, headers: RawHeaders, body: bytes) -> AsyncIterator[Answer]:
            try:
                async with client.stream(method, url, headers=[*headers], content=body) as got:
                    yield Answer(got.status_code, got.headers.raw, got.aiter_raw())
            except httpx.TransportError as error:
                raise OSError(str(error)) from error

        yield forward


@asynccontextmanager
async def _by_aiohttp() -> AsyncIterator[Forward]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    own = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, skip_auto_headers=own
    ) as session:

        @asynccontextmanager
        async def forward(method: str, url: str, headers: RawHeaders, body: bytes) -> AsyncIterator[Answer]:
            texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
            try:
                async with session.request(method, url, headers=texts, data=body or None, allow_redirects=False) as got:
                    yield Answer(got.status, got.raw_headers, got.content.iter_any())
            except aiohttp.ClientError as error:
                raise OSError(str(error)) from error

        yield forward


CLIENTS: Mapping[str, Callable[[], AbstractAsyncContextManager[Forward]]] = MappingProxyType(
    {"aiohttp": _by_aiohttp, "httpx": _by_httpx}
)


class PassThrough:
    """An ASGI application. `to`: scheme, host and port of the upstream."""

    def __init__(self, to: str, forward: Forward) -> None:
        self._to, self._forward = to.rstrip("/"), forward

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == HEALTH:
            await _begin(send, 200, _EMPTY)
            await send({"type": "http.response.body"})
            return
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        url = f"{self._to}{scope['raw_path'].decode('latin-1')}{query}"
        headers = [(name, value) for name, value in scope["headers"] if name not in _HOP]
        begun = False
        try:
            async with self._forward(scope["method"], url, headers, await _whole(receive)) as answer:
                await _begin(send, answer.status, answer.headers)
                begun = True
                async for data in answer.body:
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        except OSError:
            if begun:
                raise  # uvicorn closes the connection: the client must not take it for a whole answer
            await _begin(send, 502, _EMPTY)
        await send({"type": "http.response.body"})


async def _whole(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def _begin(send: Send, status: int, headers: RawHeaders) -> None:
    kept = [(name.lower(), value) for name, value in headers if name.lower() not in _HOP - {b"content-length"}]
    await send({"type": "http.response.start", "status": status, "headers": kept})


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8767, show_default=True)
@click.option("--to", required=True, metavar="URL", help="The upstream: http://127.0.0.1:8766")
@click.option("--client", type=click.Choice([*CLIENTS]), default="aiohttp", show_default=True, help="What it sends by.")
def main(port: int, to: str, client: str) -> None:
    """Hand every call on to an upstream, byte for byte, until Ctrl-C."""
    uvloop.run(_serve(port, to, client))


async def _serve(port: int, to: str, client: str) -> None:
    async with CLIENTS[client]() as forward:
        config = uvicorn.Config(
            PassThrough(to, forward), _HOST, port, log_level="warning", access_log=False, lifespan="off", backlog=4096
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    main()
