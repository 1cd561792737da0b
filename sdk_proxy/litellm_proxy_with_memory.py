"""The binary proxy, the baseline: it works out whose memory a request belongs to, and forwards it to LiteLLM.

python -m sdk_proxy.litellm_proxy_with_memory --config config/config.yaml --port 8764 --litellm-url http://127.0.0.1:4000

It loses what a second hop loses: it keeps no cookies, and it knows of an error only what LiteLLM says.
HTTP only: a websocket (LiteLLM's realtime routes) is refused.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import click
import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from sdk_proxy.client_body import ClientBody
from sdk_proxy.config_file import ConfigError
from sdk_proxy.credentials import sent_key
from sdk_proxy.memory_router import KEY_HEADER, USER_HEADER, MemoryRouter, injected, supermemory_models
from sdk_proxy.schema import Config, load_config, warnings
from sdk_proxy.serving import refuse_taken_port

RawHeaders = list[tuple[bytes, bytes]]

# RFC 9110, section 7.6.1, and what RFC 9112 and its forerunners name as of one connection only.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection"
    b" te trailer transfer-encoding upgrade".split()
)

log = logging.getLogger("binary_proxy")


def create_app(config: Config, litellm_url: str, environ: Mapping[str, str]) -> FastAPI:
    # A connection for each request: LiteLLM closes one without a word after an error of its own (a JSON array does it),
    # and the next client would get a 502 for it.
    client = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None, max_keepalive_connections=0))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    router = MemoryRouter(config.user_id_mappings)

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> JSONResponse:
        alive = await _is_alive(client, litellm_url)
        return JSONResponse({"status": "healthy" if alive else "unhealthy", "litellm": alive}, 200 if alive else 503)

    @app.get("/memory-routing/info")
    async def memory_routing(request: Request) -> JSONResponse:
        return JSONResponse(router.route(request.headers).info())

    app.mount("/", Forwarder(config, router, litellm_url, client, environ.get("SUPERMEMORY_API_KEY")))
    return app


class Forwarder:
    """Every other method, path, query and body goes on to LiteLLM, and its answer back, as they come."""

    def __init__(
        self,
        config: Config,
        router: MemoryRouter,
        litellm_url: str,
        client: httpx.AsyncHTTPTransport,
        supermemory_key: str | None,
    ) -> None:
        self._router = router
        self._litellm = httpx.URL(litellm_url)
        self._client = client
        self._key = config.master_key.get_secret_value().encode() if config.master_key else None
        self._supermemory_key = supermemory_key
        self._supermemory_models = supermemory_models(config) if supermemory_key else frozenset()
        self._api_base = config.api_base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        body = ClientBody(receive, Headers(raw=scope["headers"]))
        tasks = [asyncio.ensure_future(work) for work in (self._forward(scope, body, send), body.left())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()  # closes the connection to LiteLLM, in whatever state it is
            await asyncio.wait(tasks)
        with suppress(ClientDisconnect, asyncio.CancelledError):
            tasks[0].result()

    async def _forward(self, scope: Scope, body: ClientBody, send: Send) -> None:
        try:
            answer = await self._client.handle_async_request(await self._request(scope, body))
        except httpx.TransportError as error:
            await _refuse(scope, send, error)
            return
        try:
            await _pass_back(answer, send)
        except httpx.TransportError as error:
            # Returning early makes uvicorn close the connection without the end of the message: the client must know.
            log.warning("LiteLLM ended its answer too early: %s", type(error).__name__)
        finally:
            await answer.aclose()

    async def _request(self, scope: Scope, body: ClientBody) -> httpx.Request:
        headers = Headers(raw=scope["headers"])
        sent = _without(scope["headers"], (USER_HEADER.encode(), KEY_HEADER.encode(), b"host"))
        if self._is_authorised(headers):
            sent += [(name.encode(), value.encode()) for name, value in (await self._memory(headers, body)).items()]
        query = scope["query_string"]
        target = self._litellm.raw_path.rstrip(b"/") + scope["raw_path"] + (b"?" + query if query else b"")
        # As httpcore's own extension, because httpx.URL would tidy the path up: /a/../b, quotes, brackets.
        extensions = {"target": target}
        content = body.chunks() if body.is_there else None
        return httpx.Request(scope["method"], self._litellm, headers=sent, content=content, extensions=extensions)

    async def _memory(self, headers: Headers, body: ClientBody) -> dict[str, str]:
        model = await body.model() if self._supermemory_models and not _is_form(headers) else None
        base = self._api_base(model) if model in self._supermemory_models else None
        return injected(self._router.route(headers), base, self._supermemory_key)

    def _is_authorised(self, headers: Headers) -> bool:
        """The client's key is the gateway's own, so it goes on as it is: it *is* the configured master key.

        Any other, or none, is LiteLLM's to refuse (its words reach the client), and gets nothing of ours.
        """
        return self._key is None or hmac.compare_digest((sent_key(headers) or "").encode(), self._key)


async def _pass_back(answer: httpx.Response, send: Send) -> None:
    headers = _without(answer.headers.raw)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for chunk in answer.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _refuse(scope: Scope, send: Send, error: httpx.TransportError) -> None:
    """LiteLLM cannot be reached: the one answer of our own, in the envelope that the route's clients read."""
    log.warning("LiteLLM did not answer: %s", type(error).__name__)
    fault: dict[str, object] = {"message": "The gateway's LiteLLM process cannot be reached.", "type": "api_error"}
    anthropic = {"type": "error", "error": fault}
    openai = {"error": {**fault, "param": None, "code": "502"}}
    body = json.dumps(anthropic if "/messages" in scope["path"] else openai).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 502, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _without(headers: RawHeaders, names: tuple[bytes, ...] = ()) -> RawHeaders:
    """Without hop-by-hop headers, those that Connection names among them, and without these names.

    Blanks around a value are no part of it (RFC 9110, section 5.5), and h11 refuses to send them.
    """
    listed = b",".join(value for name, value in headers if name.lower() == b"connection")
    dropped = HOP_BY_HOP.union(names, (name.strip().lower() for name in listed.split(b",")))
    return [(name, value.strip(b" \t")) for name, value in headers if name.lower() not in dropped]


def _is_form(headers: Headers) -> bool:
    """LiteLLM takes every other body for JSON, whatever its type (http_parsing_utils.py, read_request_body)."""
    return headers.get("content-type", "").startswith(("multipart/form-data", "application/x-www-form-urlencoded"))


async def _is_alive(client: httpx.AsyncHTTPTransport, litellm_url: str) -> bool:
    request = httpx.Request(
        "GET", f"{litellm_url}/health/liveliness", extensions={"timeout": {"connect": 2, "read": 2}}
    )
    try:
        answer = await client.handle_async_request(request)
        await answer.aread()
    except httpx.TransportError:
        return False
    return answer.status_code == 200


def _checked_url(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise click.BadParameter(str(error)) from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise click.BadParameter(f"{value!r} is not the http:// address of a LiteLLM")
    return value.rstrip("/")


@click.command()
@click.option("--config", type=click.Path(path_type=Path), default=Path("config/config.yaml"), envvar="CONFIG_PATH")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8764, show_default=True, envvar="PROXY_PORT")
@click.option("--litellm-url", default="http://127.0.0.1:4000", show_default=True, callback=_checked_url)
def main(config: Path, host: str, port: int, litellm_url: str) -> None:
    """Serve the binary proxy. Exit code 2: the configuration, the environment or the port is not usable."""
    try:
        loaded = load_config(config, os.environ)
        refuse_taken_port(host, port)
    except (ConfigError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    for warning in warnings(loaded):
        click.echo(f"warning: {config}: {warning}", err=True)
    app = create_app(loaded, litellm_url, os.environ)
    # LiteLLM's own date header goes through; a second one would be ours.
    uvicorn.run(
        app, host=host, port=port, date_header=False, server_header=False, access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
