"""Scenarios -> the same scenarios without anybody's secrets, ids and words. Pure.

Nothing of a recording is written before it went through here. Keys, schemas, tool names, roles, sizes, order, and the
borders of chunks stay as they were.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from harness.model import Act, Exchange, Headers, Reply, Request, Scenario, Send, Step
from harness.traffic.pseudonym import Pseudonyms
from harness.traffic.scrub_json import Bodies, restyle
from harness.traffic.scrub_stream import scrub_stream
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


def scrub(
    scenarios: Sequence[Scenario], key: bytes, keep_text: bool = False, secrets: Collection[str] = ()
) -> tuple[Scenario, ...]:
    """`key`: what the stand-ins depend on, up to 64 bytes; the same gives the same. `keep_text` leaves human language.

    `secrets` and every credential of a header are replaced wherever they stand.
    """
    requests = [step.request for scenario in scenarios for step in scenario.steps]
    known = {*secrets, *(secret for request in requests for secret in _credentials(request))}
    texts = Texts.of(Pseudonyms(key), {secret for secret in known if len(secret) >= _SHORTEST_SECRET})
    bodies = Bodies(texts, keep_text)
    return tuple(
        replace(scenario, steps=tuple(_step(step, bodies) for step in scenario.steps)) for scenario in scenarios
    )


def credentials(exchanges: Iterable[Exchange]) -> frozenset[str]:
    """What the requests were let in with."""
    return frozenset(secret for exchange in exchanges for secret in _credentials(exchange.request))


def _credentials(request: Request) -> set[str]:
    named = {value.split()[-1] for name, value in request.headers if _is_credential(name.lower()) and value.strip()}
    return named | {found[2] for found in _KEY_IN_QUERY.finditer(request.path)}


def _is_credential(name: str) -> bool:
    return name in _CREDENTIALS or _CREDENTIAL.fullmatch(name) is not None


def _step(step: Step, bodies: Bodies) -> Step:
    return replace(step, request=_request(step.request, bodies), replies=tuple(_reply(r, bodies) for r in step.replies))


def _request(request: Request, bodies: Bodies) -> Request:
    path = _KEY_IN_QUERY.sub(rf"\1={KEY}", request.path)
    headers = _headers(request.headers, bodies)
    return Request(request.method, bodies.texts.keep(path), headers, _body(request.body, bodies))


def _reply(reply: Reply, bodies: Bodies) -> Reply:
    headers = _headers(reply.headers, bodies)
    if reply.acts is not None:
        return replace(reply, headers=headers, acts=_acts(reply.acts, bodies))
    return replace(reply, headers=headers, body=_body(reply.body, bodies, failed=reply.status >= 400))


def _acts(acts: tuple[Act, ...], bodies: Bodies) -> tuple[Act, ...]:
    """The stream as a whole, cut again where it was cut."""
    whole = scrub_stream(b"".join(act.data for act in acts if isinstance(act, Send)), bodies)
    scrubbed: list[Act] = []
    for act in acts:
        if isinstance(act, Send):
            scrubbed.append(Send(whole[: len(act.data)]))
            whole = whole[len(act.data) :]
        else:
            scrubbed.append(act)
    return tuple(scrubbed)


def _body(body: bytes, bodies: Bodies, failed: bool = False) -> bytes:
    """`failed`: an answer whose words tell the client what went wrong."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return bodies.texts.pseudonyms.opaque(body.decode("latin-1")).encode("latin-1", "replace")
    scrubbed = restyle(text, lambda tree: bodies.tree(tree, failed=failed))
    if scrubbed is None:
        scrubbed = bodies.texts.keep(text) if failed else bodies.prose(text)
    return scrubbed.encode()


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
