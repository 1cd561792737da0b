"""What is known of a request by its end, for log and metrics: never a key, a cookie, a prompt, an answer."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdk_proxy.identifier import new_id
from sdk_proxy.memory_router import MemoryRouter

log = logging.getLogger("sdk_proxy.request_record")
REQUEST_ID = "x-request-id"
_NOTED = "sdk_proxy.noted"  # in a request's scope: how its answer is sent from here on
ROUTES = frozenset(
    {
        "/",
        "/chat/completions",
        "/completions",
        "/embeddings",
        "/responses",
        "/responses/compact",
        "/responses/input_tokens",
        "/messages",
        "/messages/count_tokens",
        "/audio/speech",
        "/audio/transcriptions",
        "/cursor/chat/completions",
        "/images/edits",
        "/images/generations",
        "/moderations",
        "/utils/token_counter",
        "/models",
        "/model/info",
        "/model_group/info",
        "/health",
        "/health/liveliness",
        "/health/liveness",
        "/health/readiness",
        "/memory-routing/info",
        "/metrics",
    }
)
OTHER = "other"
_MODEL_IN_PATH = re.compile(
    r"^/(?:openai/deployments|engines)/.+?(?=/(?:chat/completions|completions|embeddings|images/\w+)$)"
)
_METHOD_OF_MODEL = re.compile(r"^(?:/v1beta)?/models/.+:((?:streamG|g)enerateContent|countTokens)$")
_ID_IN_PATH = re.compile(r"^/(models|responses)/[^/]+(/input_items|/cancel)?$")
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_FAMILY = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}(?=/|$)")
# The first event with content, as opposed to pings, roles and message_start.
_CONTENT = re.compile(rb'content_block_delta|"(?:content|reasoning_content|text)": ?"[^"]|"tool_calls": ?\[')


@dataclass(slots=True, eq=False)
class Record:
    """`model` is the client's word: it is told only if it is configured. `port`: the one that the client connected to;
    empty where the server has none (a Unix socket). Times are in seconds."""

    id: str
    route: str
    client: str
    user_id: str
    port: str = ""
    started: float = field(default_factory=monotonic)
    model: str | None = None
    status: int = 0
    ttft: float | None = None
    before_upstream: float | None = None
    duration: float = 0.0
    upstream_calls: int = 0
    cookies_sent: bool = False
    challenges: int = 0
    client_left: bool = False
    ended: bool = False

    def model_among(self, configured: frozenset[str]) -> str | None:
        """Any other is `other`: clients put anything there."""
        return self.model if self.model is None or self.model in configured else OTHER


_current: ContextVar[Record | None] = ContextVar("record", default=None)


def asked_for(model: str | None) -> None:
    record = _current.get()
    if record is not None:
        record.model = model


def called_upstream(with_cookies: bool) -> None:
    """One attempt, in the task of the request that it is made for, or in one of that task's children."""
    record = _current.get()
    if record is not None:
        record.upstream_calls += 1
        if record.before_upstream is None:
            record.before_upstream = monotonic() - record.started
        record.cookies_sent = record.cookies_sent or with_cookies


def challenged() -> None:
    record = _current.get()
    if record is not None:
        record.challenges += 1


class Recording:
    """ASGI middleware: a record for each request, told to each of `tell` at its end; its id goes out with the answer.

    An id that the upstream's answer brought along stays, as in LiteLLM. `open` are those that are being answered.
    """

    def __init__(
        self, app: ASGIApp, memory: MemoryRouter, tell: Sequence[Callable[[Record], None]], open_: set[Record]
    ) -> None:
        self._app = app
        self._memory = memory
        self._tell = tell
        self._open = open_

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = _record(scope, Headers(raw=scope["headers"]), self._memory)
        self._open.add(record)
        token = _current.set(record)
        scope[_NOTED] = noted = _noting(record, send)
        try:
            await self._app(scope, _watching(record, receive), noted)
        except Exception as error:
            if not record.ended:
                raise
            log.error("request %s: answered %d for %s", record.id, record.status, _origin(error))  # noqa: TRY400
        finally:
            del scope[_NOTED]  # else each would hold the other, until somebody looks for garbage
            _current.reset(token)
            self._open.discard(record)
            record.duration = monotonic() - record.started
            for tell in self._tell:
                tell(record)


def straight(scope: Scope, send: Send) -> Send:
    """For a stream of events: what is between here and the record decides by an answer's headers and its first piece
    (LiteLLM's GZipBufferedResponseMiddleware by both), and passes on whatever comes behind them."""
    noted, decided = scope.get(_NOTED, send), False

    async def sent(message: Message) -> None:
        nonlocal decided
        await (noted if decided else send)(message)
        decided = decided or message["type"] == "http.response.body"

    return sent


def _origin(error: BaseException) -> str:
    """The class and the place: what an exception says may repeat a prompt."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {last.filename}:{last.lineno}"


def _record(scope: Scope, headers: Mapping[str, str], memory: MemoryRouter) -> Record:
    routing = memory.route(headers)
    client = routing.matched.pattern if routing.matched else _family(headers.get("user-agent", ""))
    _, port = scope.get("server") or ("", None)
    return Record(_id(headers.get(REQUEST_ID, "")), route_of(scope["path"]), client, routing.user_id, str(port or ""))


def route_of(path: str) -> str:
    """One of few words, whatever clients ask for."""
    if method := _METHOD_OF_MODEL.match(path):
        return f"/models/{{id}}:{method[1]}"
    if path.startswith("/anthropic/"):
        return "/anthropic/*"
    plain = _MODEL_IN_PATH.sub("", path.removeprefix("/openai/v1") if path.startswith("/openai/v1/") else path)
    plain = plain.removeprefix("/v1") or "/"
    if plain in ROUTES:
        return plain
    found = _ID_IN_PATH.match(plain)
    return f"/{found[1]}/{{id}}{found[2] or ''}" if found else OTHER


def _id(sent: str) -> str:
    return sent if _SANE_ID.fullmatch(sent) else new_id()


def _family(user_agent: str) -> str:
    found = _FAMILY.match(user_agent)
    return found.group() if found else "unknown"


def _watching(record: Record, receive: Receive) -> Receive:
    async def received() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect" and not record.ended:
            record.client_left = True
        return message

    return received


def _noting(record: Record, send: Send) -> Send:
    streams = False

    async def noted(message: Message) -> None:
        nonlocal streams
        if message["type"] == "http.response.start":
            record.status = message["status"]
            headers = Headers(raw=message["headers"])
            streams = headers.get("content-type", "").startswith("text/event-stream")
            if REQUEST_ID not in headers:
                added = (REQUEST_ID.encode(), record.id.encode())
                message = {**message, "headers": [*message["headers"], added]}
        elif message["type"] == "http.response.body":
            if streams and record.ttft is None and _CONTENT.search(message.get("body", b"")):
                record.ttft = monotonic() - record.started
            record.ended = not message.get("more_body", False)
        await send(message)

    return noted
