"""The SDK proxy: what [binary proxy -> LiteLLM] does for its clients, in one process, through litellm.Router.

The only module that assembles the others. Own routes come first (/health, /memory-routing/info), as they do in the
binary proxy; behind them LiteLLM's, under LiteLLM's own middlewares.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, File, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from litellm.constants import LITELLM_UI_ALLOW_HEADERS
from litellm.proxy._types import ProxyException
from litellm.proxy.google_endpoints.endpoints import google_count_tokens
from litellm.proxy.middleware.gzip_middleware import GZipBufferedResponseMiddleware
from litellm.proxy.middleware.security_headers_middleware import SecurityHeadersMiddleware
from litellm.types.llms.vertex_ai import TokenCountDetailsResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdk_proxy import error_handlers, model_info, model_list, proxy_server, token_counting
from sdk_proxy.accounts import close_fast_path, remember_unlimited
from sdk_proxy.call import RouteType
from sdk_proxy.config_parser import ProxyConfig, parse
from sdk_proxy.cookie_store import store_at
from sdk_proxy.draining import Drain
from sdk_proxy.event_lines import lines_of_events
from sdk_proxy.gateway import Gateway
from sdk_proxy.given_back import given_back, malloc_trim
from sdk_proxy.lean_reading import lean_reading
from sdk_proxy.learnt import Lessons
from sdk_proxy.limits import Limited
from sdk_proxy.litellm_router import build_router, configure
from sdk_proxy.memory_router import MemoryRouter
from sdk_proxy.metrics import Metrics, MetricsRoute
from sdk_proxy.not_served import not_found_handler
from sdk_proxy.operation import Operation
from sdk_proxy.request_log import logging_of
from sdk_proxy.request_record import Recording, straight
from sdk_proxy.schema import Config
from sdk_proxy.session_manager import persistent_clients
from sdk_proxy.spared import spared
from sdk_proxy.stream_end import no_invented_end
from sdk_proxy.unprocessable import refused_twice_is_refused
from sdk_proxy.warm_up import origins, warm_up

Uploads = list[UploadFile] | None

_PAGE = """<!DOCTYPE html>
<html>
<head><meta name="viewport" content="width=device-width, initial-scale=1.0"><title>LLM gateway</title></head>
<body>
<h1>LLM gateway</h1>
<p>One process, with LiteLLM's SDK inside. It speaks OpenAI's and Anthropic's protocols:</p>
<ul>
<li>POST /v1/chat/completions, /v1/completions, /v1/embeddings</li>
<li>POST /v1/responses; GET and DELETE /v1/responses/{id}</li>
<li>POST /v1/messages, /v1/messages/count_tokens</li>
<li>POST /v1/audio/speech, /v1/audio/transcriptions, /v1/images/generations, /v1/images/edits, /v1/moderations</li>
<li>POST /v1beta/models/{model}:generateContent, :streamGenerateContent, :countTokens; /cursor/chat/completions</li>
<li>/anthropic/...: Anthropic's own API</li>
<li>GET /v1/models, GET /v1/models/{id}, GET /v1/model/info</li>
<li>GET /health, GET /health/liveliness, GET /health/readiness</li>
<li>GET /memory-routing/info: whose memory a request with these headers belongs to</li>
</ul>
</body>
</html>
"""


def _paths(route_type: RouteType, *paths: str, method: str = "POST") -> list[tuple[str, str, RouteType]]:
    return [(method, path, route_type) for path in paths]


def _of_deployments(route_type: RouteType, path: str) -> list[tuple[str, str, RouteType]]:
    """With the model in the path as well, as Azure's clients send it."""
    return _paths(
        route_type, f"/v1{path}", path, f"/engines/{{model:path}}{path}", f"/openai/deployments/{{model:path}}{path}"
    )


def _of_responses(route_type: RouteType, path: str, method: str = "POST") -> list[tuple[str, str, RouteType]]:
    return _paths(route_type, f"/v1{path}", path, f"/openai/v1{path}", method=method)


def _of_images(path: str) -> tuple[str, ...]:
    return (f"/v1{path}", path, f"/openai/deployments/{{model:path}}{path}")


def _of_google(route_type: RouteType, verb: str) -> list[tuple[str, str, RouteType]]:
    return _paths(route_type, *(f"{prefix}/models/{{model_name:path}}:{verb}" for prefix in ("/v1beta", "")))


# Method, path, method of litellm.Router, in LiteLLM's order: the first path that matches is taken.
LLM_ROUTES = (
    *_of_deployments("acompletion", "/chat/completions"),
    *_of_deployments("atext_completion", "/completions"),
    *_of_deployments("aembedding", "/embeddings"),
    *_of_responses("aresponses", "/responses"),
    *_of_responses("aget_responses", "/responses/{response_id}", "GET"),
    *_of_responses("adelete_responses", "/responses/{response_id}", "DELETE"),
    *_of_responses("alist_input_items", "/responses/{response_id}/input_items", "GET"),
    *_of_responses("acompact_responses", "/responses/compact"),
    *_of_responses("acancel_responses", "/responses/{response_id}/cancel"),
    *_paths("anthropic_messages", "/v1/messages"),
    *_paths("aspeech", "/v1/audio/speech", "/audio/speech"),
    *_paths("aimage_generation", *_of_images("/images/generations")),
    *_paths("amoderation", "/v1/moderations", "/moderations"),
    *_of_google("agenerate_content", "generateContent"),
    *_of_google("agenerate_content_stream", "streamGenerateContent"),
)


def create_app(config: Config, operation: Operation | None = None) -> FastAPI:
    return assemble(parse(config, os.environ), operation)


def assemble(config: ProxyConfig, operation: Operation | None = None) -> FastAPI:
    operated = operation or Operation()
    drain = operated.drain
    configure(config)
    memory = MemoryRouter(config.mappings)
    router = build_router(config)
    remember_unlimited(router)
    if not operated.fast_path:
        close_fast_path(router)
    gateway = Gateway(config, router, memory, Lessons(router))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        key = config.master_key.get_secret_value() if config.master_key else None
        async with persistent_clients(store_at(operated.cookie_jar)), given_back(operated.drain.open, malloc_trim()):
            if operated.warm_up:
                await warm_up(origins(config.deployments))
            in_place = proxy_server.in_its_place(gateway.router, config.general_settings, key)
            with in_place, no_invented_end(), refused_twice_is_refused(), spared(), lean_reading(), lines_of_events():
                yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> JSONResponse:
        if drain.began is not None:
            return JSONResponse({"status": "draining", "litellm": True}, 503)
        return JSONResponse({"status": "healthy", "litellm": True})

    @app.get("/memory-routing/info")
    async def memory_routing(request: Request) -> JSONResponse:
        return JSONResponse(memory.route(request.headers).info())

    litellms = _litellm_routes(gateway, drain)
    app.mount("/", DateMiddleware(litellms))
    app.add_middleware(StraightRoutes, routes=_straight_routes(litellms, gateway))
    _operate(app, operated, frozenset(gateway.router.get_model_names()), memory)
    return app


def _operate(app: FastAPI, operation: Operation, models: frozenset[str], memory: MemoryRouter) -> None:
    """The record is around the limits: what they refuse is in the log and in the metrics as well."""
    metrics = Metrics(models)
    tell = (logging_of(models, operation.log_format), metrics.tell)
    app.add_middleware(Limited, limits=operation.limits)
    app.add_middleware(MetricsRoute, metrics=metrics)
    app.add_middleware(Recording, memory=memory, tell=tell, open_=operation.drain.open)


def _litellm_routes(gateway: Gateway, drain: Drain) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(ProxyException, error_handlers.proxy_exception_handler)
    app.add_exception_handler(RequestValidationError, error_handlers.wrong_query_handler)
    app.add_exception_handler(HTTPStatus.NOT_FOUND, not_found_handler)
    app.add_exception_handler(Exception, error_handlers.unhandled_exception_handler)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=LITELLM_UI_ALLOW_HEADERS,
    )
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(GZipBufferedResponseMiddleware)
    _add_llm_routes(app, gateway)
    _add_listing_routes(app, gateway)
    _add_public_routes(app, drain)
    return app


def _add_llm_routes(app: FastAPI, gateway: Gateway) -> None:
    for method, path, route_type in LLM_ROUTES:
        add = app.add_route if method == "POST" else app.add_api_route  # FastAPI's own way costs more, and knows HEAD
        add(path, _calling(gateway, route_type), methods=[method])
    for path in ("/v1/responses/input_tokens", "/responses/input_tokens", "/openai/v1/responses/input_tokens"):
        app.post(path)(gateway.count_input)
    app.post("/v1/messages/count_tokens")(gateway.count_tokens)
    app.add_route("/cursor/chat/completions", gateway.cursor, methods=["POST"])
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
    app.api_route("/anthropic/{endpoint:path}", methods=methods, response_model=None)(gateway.pass_through)
    _add_upload_routes(app, gateway)


def _add_upload_routes(app: FastAPI, gateway: Gateway) -> None:
    """With the parameters of LiteLLM's endpoints: what is missing or of another kind is told in FastAPI's words."""

    async def transcribe(request: Request, file: UploadFile) -> Response:
        return await gateway.transcribe(request, file)

    async def edit_image(
        request: Request,
        image: Annotated[Uploads, File()] = None,
        images: Annotated[Uploads, File(alias="image[]")] = None,
        mask: Annotated[Uploads, File()] = None,
        masks: Annotated[Uploads, File(alias="mask[]")] = None,
    ) -> Response:
        return await gateway.edit_image(request, {"image": image, "image[]": images, "mask": mask, "mask[]": masks})

    holder = [Depends(gateway.authenticated)]
    for path in ("/v1/audio/transcriptions", "/audio/transcriptions"):
        app.post(path, dependencies=holder)(transcribe)
    for path in _of_images("/images/edits"):
        app.post(path, dependencies=holder)(edit_image)


def _calling(gateway: Gateway, route_type: RouteType) -> Callable[[Request], Awaitable[Response]]:
    async def call(request: Request) -> Response:
        return await gateway.call(route_type, request)

    return call


def _straight_routes(app: FastAPI, gateway: Gateway) -> dict[tuple[str, str], ASGIApp]:
    plain = (route for route in LLM_ROUTES if route[0] == "POST" and "{" not in route[1])
    return {(method, path): _straight(app, _calling(gateway, route_type)) for method, path, route_type in plain}


def _straight(app: FastAPI, endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """As Starlette.build_middleware_stack, with `app`'s middlewares and handlers, without what FastAPI puts between."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        told = straight(scope, send) if isinstance(response, StreamingResponse) else send
        await response(scope, receive, told)

    handlers = {kind: handler for kind, handler in app.exception_handlers.items() if kind is not Exception}
    stack: ASGIApp = ExceptionMiddleware(answer, handlers)
    for each in reversed(app.user_middleware):
        stack = each.cls(stack, *each.args, **each.kwargs)
    return DateMiddleware(ServerErrorMiddleware(stack, handler=app.exception_handlers[Exception]))


def _add_listing_routes(app: FastAPI, gateway: Gateway) -> None:
    async def models(request: Request, asked: Annotated[model_list.Asked, Query()]) -> Response:
        listed = model_list.models(gateway.router, request.headers, asked)
        return Response(listed, media_type="application/json") if isinstance(listed, str) else JSONResponse(listed)

    async def model(model_id: str, healthy_only: bool | None = False) -> JSONResponse:  # noqa: ARG001 - LiteLLM has it
        return JSONResponse(model_list.model(gateway.router, model_id))

    async def info(
        litellm_model_id: str | None = None,
        include_team_models: bool | None = False,
        team: Annotated[str, Query(alias="teamId")] = "",
        healthy_only: bool | None = False,  # noqa: ARG001 - nobody asks the providers for their health here
    ) -> Response:
        told = model_info.info(gateway.router, litellm_model_id, bool(include_team_models or team.strip()))
        return Response(told, media_type="application/json")

    async def groups(model_group: str | None = None) -> dict[str, Any]:
        return {"data": model_info.groups(gateway.router, model_group)}

    holder = [Depends(gateway.authenticated)]  # who does not have the key is not told what is wrong with the query
    for prefix in ("/v1", ""):
        app.get(f"{prefix}/models", dependencies=holder)(models)
        app.get(f"{prefix}/models/{{model_id}}", dependencies=holder)(model)
        app.get(f"{prefix}/model/info", dependencies=holder)(info)
    app.get("/model_group/info", dependencies=holder, response_model=None)(groups)
    app.post("/utils/token_counter", dependencies=holder)(token_counting.counter(gateway.router))
    for prefix in ("/v1beta", ""):
        path = f"{prefix}/models/{{model_name:path}}:countTokens"
        app.post(path, dependencies=holder, response_model=TokenCountDetailsResponse)(google_count_tokens)


def _add_public_routes(app: FastAPI, drain: Drain) -> None:
    @app.get("/health/liveliness")
    @app.get("/health/liveness")
    async def alive() -> JSONResponse:
        return JSONResponse("I'm alive!")

    @app.post("/api/event_logging/batch")
    async def events() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.get("/health/readiness")
    async def ready() -> JSONResponse:
        if drain.began is not None:
            return JSONResponse({"status": "draining", "db": "Not connected"}, 503)
        return JSONResponse({"status": "healthy", "db": "Not connected"})

    @app.options("/health/liveliness")
    @app.options("/health/liveness")
    @app.options("/health/readiness")
    async def asked_for_its_options() -> Response:
        allowed = "GET, OPTIONS"
        every = {"Access-Control-Allow-Methods": allowed, "Access-Control-Allow-Headers": "*"}
        return Response(headers={"Allow": allowed, **every})

    async def root(_: Request) -> Response:
        return HTMLResponse(_PAGE)

    app.add_route("/", root)  # with HEAD, which Claude Code sends at its start
    app.get("/health")(ready)  # the proxy's own comes first; other methods are refused here, as in LiteLLM


class StraightRoutes:
    """ASGI middleware: the routes that most requests go to, before all others are looked through."""

    def __init__(self, app: ASGIApp, routes: Mapping[tuple[str, str], ASGIApp]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        straight = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        await (straight or self._app)(scope, receive, send)


class DateMiddleware:
    """The binary proxy's own answers carry no date, LiteLLM's do; uvicorn's is switched off for both. And LiteLLM, key
    and all, does not see the headers that `Connection` names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(b"date", formatdate(usegmt=True).encode()), *message["headers"]]
            await send(message)

        await self.app(_forwarded(scope), receive, dated)


def _forwarded(scope: Scope) -> Scope:
    """Return the request without the headers of this connection (RFC 9110, section 7.6.1), as the binary proxy forwards
    it, which looks at `sent_headers`, all of them, for whose memory it is."""
    headers = scope.get("headers", ())
    listed = b",".join(value for name, value in headers if name == b"connection").lower()
    dropped = {name.strip() for name in listed.split(b",")} - {b"", b"keep-alive", b"close"}
    if not dropped:
        return scope
    return {**scope, "headers": [each for each in headers if each[0] not in dropped], "sent_headers": headers}
