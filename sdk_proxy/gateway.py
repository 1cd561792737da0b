"""What a request goes through, from its headers to its answer: key, body, memory, Router, answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import orjson
from fastapi import HTTPException, Request, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse
from litellm.proxy._types import ProxyException
from litellm.proxy.auth.route_checks import RouteChecks
from litellm.proxy.common_request_processing import (
    create_response,
    resolve_litellm_call_id,
)
from litellm.proxy.common_utils.http_parsing_utils import (
    coerce_numeric_form_fields,
    get_form_data,
    populate_request_with_path_params,
    read_request_body,
    safe_set_request_parsed_body,
)
from litellm.proxy.image_endpoints.endpoints import IMAGE_EDIT_NUMERIC_FORM_FIELDS, IMAGE_EDIT_OPTIONAL_FIELD_DEFAULTS
from litellm.proxy.pass_through_endpoints.llm_passthrough_endpoints import anthropic_proxy_route
from litellm.proxy.response_api_endpoints.endpoints import (
    _is_chat_completions_body,
    _normalize_tool_dialect,
    _resolve_cursor_model_variant,
)
from litellm.router_utils.add_retry_fallback_headers import get_hidden_params_dict
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from sdk_proxy import (
    accounts,
    error_handlers,
    learnt,
    model_list,
    request_record,
    response_headers,
    streaming_utils,
    token_counting,
    upstream_error,
    whole,
)
from sdk_proxy.authentication import administrator, authenticate, refuse_unsafe
from sdk_proxy.call import BY_HAND, Call, RouteType, answered, named_bytes, prepare, with_own_id
from sdk_proxy.config_parser import ProxyConfig
from sdk_proxy.credentials import sent_key
from sdk_proxy.learnt import Lessons, Page
from sdk_proxy.memory_router import KEY_HEADER, USER_HEADER, MemoryRouter, injected
from sdk_proxy.same_format import closed
from sdk_proxy.tap import Exchange, exchange

log = logging.getLogger(__name__)
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
# Where LiteLLM's handlers look into the metadata, and where names of Claude Code's model picker are known.
_WITH_METADATA = frozenset({"acompletion", "atext_completion", "aembedding"})
_PICKED = frozenset({"acompletion", "anthropic_messages", "aresponses"})
# As litellm/proxy/google_endpoints/endpoints.py, google_stream_generate_content (1.106.2).
_RAW_STREAM = {"stream": True, "_litellm_skip_openai_stream_done": True, "_litellm_raw_sse_stream": True}


@dataclass(frozen=True, slots=True)
class Gateway:
    config: ProxyConfig
    router: Any
    memory: MemoryRouter
    lessons: Lessons

    async def authenticated(self, request: Request) -> dict[str, Any]:
        """The body of a request that may be answered; {} where there is none. Raises ProxyException.

        An unreadable body is told before a wrong key, as in LiteLLM (user_api_key_auth, 1.106.2).
        """
        body: dict[str, Any] = await read_request_body(request)
        request._body = b""  # what was read of it is kept, for as long as the answer takes
        asked = populate_request_with_path_params(dict(body), request)  # LiteLLM looks at the query as well, no more
        refuse_unsafe(asked, self.config.general_settings, self.router, request.url.path)
        in_query = RouteChecks.is_generate_content_route(route=request.url.path)
        authenticate(request.headers, self.config.master_key, request.query_params.get("key") if in_query else None)
        return body

    async def call(self, route_type: RouteType, request: Request) -> Response:
        """The answer of a route that LiteLLM's Router has a method for, or its failure in the route's own envelope."""
        is_empty = route_type in BY_HAND and not await request.body()
        body = await self.authenticated(request)
        if route_type in _WITH_METADATA and not isinstance(body.get("metadata"), dict):
            body["metadata"] = {}
        body |= {name: request.path_params[name] for name in ("response_id",) if name in request.path_params}
        if "model_name" in request.path_params:
            body.setdefault("model", request.path_params["model_name"])
        if route_type == "agenerate_content_stream":
            body |= _RAW_STREAM
        if route_type in _PICKED and isinstance(body.get("model"), str):
            body["model"] = model_list.picked(self.router, body["model"])
        return await self._answered(Call(route_type, body, _model(body)), request, is_empty)

    async def transcribe(self, request: Request, file: UploadFile) -> Response:
        """As litellm/proxy/proxy_server.py, audio_transcriptions (1.106.2)."""
        form = await get_form_data(request)
        body = {name: value for name, value in form.items() if name != "file"}
        return await self._answered(Call("atranscription", body, _model(body), file=file), request)

    async def edit_image(self, request: Request, files: Mapping[str, Sequence[UploadFile] | None]) -> Response:
        """As litellm/proxy/image_endpoints/endpoints.py, image_edit_api (1.106.2). `files`: by the form's own names."""
        for name in ("image", "mask"):
            if files[name] is not None and files[f"{name}[]"] is not None:
                raise HTTPException(422, f"Cannot specify both '{name}' and '{name}[]'")
        form = coerce_numeric_form_fields(await read_request_body(request), IMAGE_EDIT_NUMERIC_FORM_FIELDS)
        body = {**IMAGE_EDIT_OPTIONAL_FIELD_DEFAULTS, **form}
        for name in ("image", "mask"):
            body.pop(f"{name}[]", None)
            uploads = files[name] or files[f"{name}[]"]
            if uploads:
                body[name] = [await named_bytes(upload) for upload in uploads]
            elif isinstance(body.get(name), str):
                raise HTTPException(422, f"'{name}' must be provided as a multipart file upload, not a string.")
        return await self._answered(Call("aimage_edit", body, _model(body)), request)

    async def cursor(self, request: Request) -> Response:
        """As litellm/proxy/response_api_endpoints/endpoints.py, cursor_chat_completions (1.106.2)."""
        body = _resolve_cursor_model_variant(await self.authenticated(request), self.router)
        is_chat = _is_chat_completions_body(body)
        body = _normalize_tool_dialect(body, to_chat=is_chat)
        if is_chat:
            safe_set_request_parsed_body(request, body)
            return await self.call("acompletion", request)
        kept = {name: value for name, value in body.items() if name != "stream_options"}
        return await self._answered(Call("aresponses", kept, _model(kept), is_chat=True), request)

    async def pass_through(self, request: Request) -> Response:
        """Anthropic's own API, at ANTHROPIC_API_BASE with ANTHROPIC_API_KEY, by LiteLLM's own endpoint.

        Raises ProxyException and HTTPException. The upstream's cookies stay here.
        """
        raw = await request.body()
        model = _model(await self.authenticated(request))
        sent = Request({**request.scope, "headers": self._headers(request, model).raw, "state": {}}, request.receive)
        sent._body = raw
        endpoint = request.path_params["endpoint"]
        answer: Response = await _unless_left(
            request, anthropic_proxy_route(endpoint, sent, Response(), administrator(api_key=None))
        )
        del answer.headers["set-cookie"]
        return answer

    async def _answered(self, call: Call, request: Request, is_empty: bool = False) -> Response:
        if call.route_type in BY_HAND:
            call.data["litellm_call_id"] = resolve_litellm_call_id(request.headers.get("x-litellm-call-id"))
        try:
            if is_empty:
                orjson.loads(b"")  # LiteLLM's words for it, which reads the body once more there
            return await self._answer(call, request)
        except Exception as error:  # noqa: BLE001 - the table of error_handlers decides
            return error_handlers.failed(call, error, request.headers.get("x-request-id"))

    async def count_tokens(self, request: Request) -> Any:
        body = await self.authenticated(request)
        _model(body)
        try:
            counted = await _unless_left(request, token_counting.count_tokens(dict(body), self.router))
            return JSONResponse(counted)
        except Exception as error:  # noqa: BLE001 - the table of error_handlers decides
            return error_handlers.failed_count(error, request.headers.get("x-request-id"))

    async def count_input(self, request: Request) -> Response:
        body = await self.authenticated(request)
        _model(body)
        counted: Response = await _unless_left(request, token_counting.count_input(body, self.router))
        return counted

    async def _answer(self, call: Call, request: Request) -> Response:
        headers, said = self._headers(request, call.requested_model), exchange()
        page = self.lessons.page(call, request, headers.raw)
        try:
            as_learnt = page and await self._as_learnt(call, request, headers, page, said)
            if as_learnt:
                return as_learnt
            response = await self._litellms(call, request, headers)
            if call.route_type in BY_HAND:
                return whole.written_by_hand(call, response)
            if call.streams or _is_stream(response):
                return await self._stream(call, request, response, said, page)
            hidden = get_hidden_params_dict(response)
            answer = whole.written(call, await with_own_id(call, response))
            self._learn(call, page, said, answer, hidden)
            return answer
        finally:
            if isinstance(said.in_hand, httpx.Response):
                await said.in_hand.aclose()
            said.forget()

    async def _litellms(self, call: Call, request: Request, headers: Headers) -> Any:
        await prepare(call, request, headers, self.config, self.router)
        if call.logging is not None:
            accounts.spare(call, self.router)
        response = await _unless_left(request, answered(call, self.router))
        if call.logging is not None:
            # The adapter behind /v1/messages goes by it: a failure is raised then, and is no event to recover from.
            call.logging.on_detached_stream_failure = _told_by_the_stream
        return response

    async def _as_learnt(
        self, call: Call, request: Request, headers: Headers, page: Page, said: Exchange
    ) -> Response | None:
        """None: LiteLLM has to look at it. What the upstream said already is in its hand then."""
        lesson = self.lessons.of(page)
        if lesson is None:
            return None
        begun = await _unless_left(request, learnt.begun(call, lesson, page, said))
        if isinstance(begun, Response):
            accounts.succeeded(self.router, lesson.deployment)
            return begun
        if begun is None:
            if isinstance(said.in_hand, httpx.Response) and said.in_hand.status_code in _REFUSALS:
                self.lessons.forget(lesson.deployment)
            return None

        async def slow() -> AsyncGenerator[Any, None]:
            """From its first byte, where something follows that LiteLLM has to look at."""
            said.in_hand = begun.upstream
            response = await self._litellms(call, request, headers)
            async for piece in response:
                yield piece

        return _Begun(streaming_utils.events(call, slow(), begun.plain, self.router), begun)

    def _learn(self, call: Call, page: Page | None, said: Exchange, answer: Response, hidden: Any) -> None:
        """Never fail the call for it: the provider has answered."""
        if page is None:
            return
        try:
            self.lessons.learn(page, learnt.lesson_of(call, page, said, answer, hidden, self.router))
        except Exception as error:  # noqa: BLE001 - its words may be the client's
            log.warning("nothing was learnt of a call: %s", type(error).__name__)

    async def _stream(self, call: Call, request: Request, response: Any, said: Exchange, page: Page | None) -> Response:
        hidden = get_hidden_params_dict(response)
        plain = streaming_utils.plain_of(call, response, said.taps, self.router)

        async def headers_by_then() -> dict[str, str]:
            """When the first event is there: retries and fallbacks before it are counted."""
            adopted = getattr(response, "fallback_headers_adopted", False)
            return response_headers.of_stream(call, get_hidden_params_dict(response) if adopted else hidden)

        answer: Response = await create_response(
            generator=streaming_utils.events(call, response, plain, self.router, said.taps),
            media_type="text/event-stream",
            headers=response_headers.of_stream(call, hidden),
            request=request,
            refresh_headers=headers_by_then,
        )
        if plain is not None and answer.status_code == HTTPStatus.OK:
            self._learn(call, page, said, answer, hidden)
        advice = error_handlers.retry_headers(call.failure) if call.failure else {}
        for name, value in {**upstream_error.own_advice(answer.status_code), **advice}.items():
            answer.headers.setdefault(name, value)  # the first event was an error, and became the answer
        return answer

    def _headers(self, request: Request, model: str | None) -> Headers:
        """The client's headers as LiteLLM gets them behind the binary proxy: the memory headers are the last.

        That proxy does not know a key that is in the query (litellm_proxy_with_memory.py, _is_authorised).
        """
        key = self.config.supermemory_key
        base = self.config.supermemory_bases.get(model or "")
        sent = Headers(raw=request.scope.get("sent_headers", request.headers.raw))
        added = injected(self.memory.route(sent), base, key.get_secret_value() if key else None)
        if not self.config.is_open and sent_key(request.headers) is None:
            added = {}
        ours = (USER_HEADER.encode(), KEY_HEADER.encode())
        kept = [(n, v) for n, v in request.headers.raw if n.lower() not in ours]
        return Headers(raw=[*kept, *((name.encode(), value.encode("latin-1")) for name, value in added.items())])


class _Begun(StreamingResponse):
    """However early its client leaves, the upstream's call ends with it."""

    def __init__(self, events: AsyncGenerator[Any, None], begun: learnt.Begun) -> None:
        super().__init__(events)
        self.raw_headers = begun.headers
        self._tap = begun.plain.tap

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await closed(self._tap)


def _model(body: dict[str, Any]) -> str | None:
    model = body.get("model")
    known = model if isinstance(model, str) else None
    request_record.asked_for(known)
    return known


async def _told_by_the_stream(_: Exception) -> None:
    """Nothing is left to do (_arm_detached_stream_failure_hook, 1.106.2, writes it into the database)."""


def _is_stream(response: Any) -> bool:
    return hasattr(response, "__aiter__")


async def _unless_left(request: Request, call: Any) -> Any:
    """The answer, unless the client leaves first: then the call, and with it the provider's work, is cancelled."""
    answering = asyncio.ensure_future(call)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ProxyException(
                message="Client disconnected the request", type="client_disconnect", code=499, param=None
            )
        return answering.result()
    finally:
        leaving.cancel()
        answering.cancel()  # nothing, where it is done


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
