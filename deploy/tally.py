"""What the clients of the production port were answered, counted outside of the proxy: also what it does not tell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import asdict, dataclass
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# What load balancers, Prometheus and the launcher itself ask, all the time: no client waits for an answer.
PROBES = frozenset({"/health", "/health/liveliness", "/health/liveness", "/health/readiness", "/metrics"})
_SERVER_ERRORS = 500
_UNAVAILABLE = 503
_FAILED_IN_STREAM = (b"event: error\n", b'data: {"error"')


@dataclass(slots=True)
class Tally:
    """Since the process began: `answers` that ended, `errors` among them (from 500 on, broken off, or an error event in
    a stream), `cloudflare`: 503 that Cloudflare had made; and how many requests are `open`."""

    answers: int = 0
    errors: int = 0
    cloudflare: int = 0
    open: int = 0

    def state(self) -> dict[str, int]:
        return asdict(self)

    async def told(self, app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        answer = _Answer()
        self.open += 1
        try:
            await app(scope, answer.heard(receive), answer.noted(send))
        finally:
            self.open -= 1
            if answer.ended or not answer.left:
                self.answers += 1
                self.errors += answer.failed or not answer.ended
                self.cloudflare += answer.cloudflare


@dataclass(slots=True)
class _Answer:
    status: int = 0
    failed: bool = False
    cloudflare: bool = False
    ended: bool = False
    left: bool = False

    def heard(self, receive: Receive) -> Receive:
        async def received() -> Message:
            message = await receive()
            self.left = self.left or message["type"] == "http.disconnect"
            return message

        return received

    def noted(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                self._begun(message["status"], message["headers"])
            elif message["type"] == "http.response.body":
                self._went(message.get("body", b""))
                self.ended = not message.get("more_body", False)

        return sent

    def _begun(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.failed = status >= _SERVER_ERRORS
        self.cloudflare = status == _UNAVAILABLE and any(_of_cloudflare(name, value) for name, value in headers)

    def _went(self, body: bytes) -> None:
        if self.status == _UNAVAILABLE:
            self.cloudflare = self.cloudflare or b"loudflare" in body
        elif body.startswith(_FAILED_IN_STREAM):
            self.failed = True


def _of_cloudflare(name: bytes, value: bytes) -> bool:
    """Its own, or the upstream's as LiteLLM passes it on: `llm_provider-server`."""
    plain = name.lower().removeprefix(b"llm_provider-")
    return plain in (b"cf-ray", b"cf-mitigated") or (plain == b"server" and value.lower() == b"cloudflare")
