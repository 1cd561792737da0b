"""Scenarios -> the same scenarios without anybody's secrets, ids and words. Pure.

Nothing of a recording is written before it went through here. Keys, schemas, tool names, roles, sizes, order, and the
borders of chunks stay as they were.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import BadInput
from harness.model import Act, Cut, Exchange, Headers, Reply, Request, Scenario, Send, Step, Wait
from harness.traffic import content_coding
from harness.traffic.malformed import MalformedBody
from harness.traffic.pseudonym import Pseudonyms
from harness.traffic.scrub_body import About, scrub_body
from harness.traffic.scrub_json import Bodies
from harness.traffic.scrub_text import Texts

KEY = "<key>"
_CREDENTIALS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-litellm-api-key",
        "x-supermemory-api-key",
    }
)
# The provider's or the company's own: x-secret-token, x-gateway-auth, private_token. Counts of tokens end in "tokens".
_CREDENTIAL = re.compile(r"(?:.*[-_])?(?:token|secret|password|passwd|credentials?|auth|jwt|apikey|api[-_]key)")
_KEY_IN_QUERY = re.compile(r"(?<=[?&])((?:api[-_]?)?key|access_token|token)=([^&]*)", re.IGNORECASE)
_ID_HEADER = re.compile(
    r".*[-_](?:id|ids|uuid)|cf-ray|traceparent|tracestate|baggage|sentry-trace|openai-(?:organization|project)"
)
_PAIR = re.compile(r"([^=;,\s]+)=([^;,\s]+)")
_COOKIE_ATTRIBUTES = frozenset({"expires", "path", "domain", "max-age", "samesite", "secure", "httponly", "priority"})
_MACHINE = frozenset({"x-stainless-os-version"})  # tells the kernel of whoever records
_SHORTEST_SECRET = 8


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that were recorded, for messages: what clients sent, and what the provider answered."""

    client: Path | str | None = None
    upstream: Path | str | None = None


def scrub(
    scenarios: Sequence[Scenario],
    key: bytes,
    keep_text: bool = False,
    secrets: Collection[str] = (),
    *,
    sources: Sources | None = None,
    accept_malformed: bool = False,
) -> tuple[Scenario, ...]:
    """`key`: what the stand-ins depend on, up to 64 bytes; the same gives the same. `keep_text` leaves human language.

    `secrets` and every credential of a header are replaced wherever they stand.

    Raises `BadInput`, which names the request and the place, for a body that is not the JSON or the stream of events
    that its content type says, or not coded as it says. With `accept_malformed` it is scrubbed as far as it can be
    read, and the rest as prose. A body that was cut in the middle may be the beginning of JSON: the reply ends with a
    cut or a wait then, the request's client left.
    """
    scrubber = _scrubber(scenarios, key, keep_text, secrets, sources, is_strict=not accept_malformed)
    return tuple(
        replace(scenario, steps=tuple(scrubber.step(step, number) for number, step in enumerate(scenario.steps, 1)))
        for scenario in scenarios
    )


def scrub_readable(
    scenario: Scenario, key: bytes, keep_text: bool, secrets: Collection[str], sources: Sources
) -> tuple[Scenario, tuple[BadInput, ...]]:
    """As `scrub`, but without the steps that it would refuse, and why it would."""
    scrubber = _scrubber([scenario], key, keep_text, secrets, sources, is_strict=True)
    steps, refused, is_first_left_out = list[Step](), list[BadInput](), False
    for number, step in enumerate(scenario.steps, 1):
        try:
            scrubbed = scrubber.step(step, number)
        except BadInput as error:
            refused.append(error)
            is_first_left_out = is_first_left_out or not step.together
        else:  # it is sent together with the step before it, where that is the one that it was together with
            steps.append(replace(scrubbed, together=step.together and not is_first_left_out))
            is_first_left_out = False
    return replace(scenario, steps=tuple(steps)), tuple(refused)


def _scrubber(
    scenarios: Sequence[Scenario],
    key: bytes,
    keep_text: bool,
    secrets: Collection[str],
    sources: Sources | None,
    *,
    is_strict: bool,
) -> _Scrubber:
    requests = [step.request for scenario in scenarios for step in scenario.steps]
    known = {*secrets, *(secret for request in requests for secret in _credentials(request))}
    texts = Texts.of(Pseudonyms(key), {secret for secret in known if len(secret) >= _SHORTEST_SECRET})
    return _Scrubber(Bodies(texts, keep_text), sources or Sources(), is_strict)


def credentials(exchanges: Iterable[Exchange]) -> frozenset[str]:
    """What the requests were let in with."""
    return frozenset(secret for exchange in exchanges for secret in _credentials(exchange.request))


def _credentials(request: Request) -> set[str]:
    named = {value.split()[-1] for name, value in request.headers if _is_credential(name.lower()) and value.strip()}
    return named | {found[2] for found in _KEY_IN_QUERY.finditer(request.path)}


def _is_credential(name: str) -> bool:
    return name in _CREDENTIALS or _CREDENTIAL.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class _Scrubber:
    bodies: Bodies
    sources: Sources
    is_strict: bool

    def step(self, step: Step, number: int) -> Step:
        """`number` counts the requests from 1."""
        name = f"request {number} ({step.request.method} {self._path(step.request)})"
        with _name_exchange(name, self.sources.client):
            request = self._request(step)
        replies = list[Reply]()
        for count, reply in enumerate(step.replies, 1):
            with _name_exchange(
                f"answer {count} of the provider to {name}", self.sources.upstream or self.sources.client
            ):
                replies.append(self._reply(reply))
        return replace(step, request=request, replies=tuple(replies))

    def _path(self, request: Request) -> str:
        return self.bodies.texts.keep(_KEY_IN_QUERY.sub(rf"\1={KEY}", request.path))

    def _request(self, step: Step) -> Request:
        about = About(is_cut=step.leave_after is not None, is_strict=self.is_strict)
        body = scrub_body(step.request.body, step.request.headers, self.bodies, about)
        headers = _headers(step.request.headers, self.bodies)
        return Request(step.request.method, self._path(step.request), headers, body)

    def _reply(self, reply: Reply) -> Reply:
        about = About(reply.status >= 400, _is_cut(reply), self.is_strict)
        if reply.acts is None:
            body = scrub_body(reply.body, reply.headers, self.bodies, about)
            return replace(reply, headers=_headers(reply.headers, self.bodies), body=body)
        headers, acts = _decode_acts(reply.headers, reply.acts)
        sent = b"".join(act.data for act in acts if isinstance(act, Send))
        scrubbed = scrub_body(sent, headers, self.bodies, about)
        return replace(reply, headers=_headers(headers, self.bodies), acts=_cut_again(acts, scrubbed))


def _decode_acts(headers: Headers, acts: tuple[Act, ...]) -> tuple[Headers, tuple[Act, ...]]:
    """The parts of a coded stream as plain ones; as they are where they cannot be read, which `scrub_body` refuses."""
    names = content_coding.codings(headers)
    if not names:
        return headers, acts
    try:
        decoder = content_coding.Decoder(names)
        plain = [replace(act, data=decoder.decode(act.data)) if isinstance(act, Send) else act for act in acts]
    except ValueError:
        return headers, acts
    return content_coding.without_coding(headers), tuple(act for act in plain if act != Send(b""))


@contextmanager
def _name_exchange(exchange: str, source: Path | str | None) -> Iterator[None]:
    try:
        yield
    except MalformedBody as error:
        raise BadInput(
            f"{exchange}: the body is not what its headers say: {error}. Correct it or its content-type, leave the"
            " call out, or give --accept-malformed, which scrubs it as text from there on",
            source,
        ) from error


def _is_cut(reply: Reply) -> bool:
    return isinstance((reply.acts or (None,))[-1], Cut | Wait)


def _cut_again(acts: tuple[Act, ...], scrubbed: bytes) -> tuple[Act, ...]:
    """The stream as a whole, cut where it was cut."""
    again: list[Act] = []
    for act in acts:
        if isinstance(act, Send):
            again.append(Send(scrubbed[: len(act.data)]))
            scrubbed = scrubbed[len(act.data) :]
        else:
            again.append(act)
    return tuple(again)


def _headers(headers: Headers, bodies: Bodies) -> Headers:
    return tuple((name, scrub_header(name.lower(), value, bodies)) for name, value in headers)


def scrub_header(name: str, value: str, bodies: Bodies) -> str:
    """`name` in lower case."""
    if _is_credential(name):
        scheme, space, _ = value.rpartition(" ")
        return f"{scheme}{space}{KEY}"
    if name.removeprefix("llm_provider-") in {"cookie", "set-cookie"}:
        return _PAIR.sub(lambda pair: _cookie(pair, bodies), value)
    if name in _MACHINE:
        return bodies.texts.fill(value)
    return bodies.id(value) if _ID_HEADER.fullmatch(name) else bodies.texts.keep(value)


def _cookie(pair: re.Match[str], bodies: Bodies) -> str:
    value = pair[2] if pair[1].lower() in _COOKIE_ATTRIBUTES else bodies.texts.pseudonyms.opaque(pair[2])
    return f"{pair[1]}={value}"
