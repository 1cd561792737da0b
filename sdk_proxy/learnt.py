"""What LiteLLM made of a call, for the next one that differs in the words of its messages only.

LiteLLM takes 5 to 8 ms to make a request of a body of 78 kB (1.106.2). For a provider that speaks the client's protocol
it comes out as it went in, but for its headers and a few keys; and those are the same for each turn of a conversation.
So they are learnt from LiteLLM's own requests, and nothing of its rules is written down here:

* A call's *page* is all of it but its messages: path, headers, and every other key of the body, with its value.
* What two calls of a page agree on is the *lesson*: the upstream's address, the headers, the body around the messages,
  the headers of the answer. A call that was tried twice, that fell back, or whose messages were changed shows nothing.
* A lesson holds for messages of the *shapes* that were seen to go through as they are: roles, who speaks after whom,
  keys, types of blocks, whether a text is blank. Whatever is new goes LiteLLM's way, and is learnt from; so do messages
  without a shape that all calls of the lesson had, because LiteLLM may have made a header of it.
* Nothing is learnt that LiteLLM computes for each call: a credential must be the deployment's own `api_key`.

An answer that is neither a plain stream nor a usual whole one (`whole`) is LiteLLM's: its own chain runs, with that
answer in hand (`tap`).
"""

from __future__ import annotations

import json
import marshal
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from itertools import pairwise
from time import perf_counter
from typing import Any
from uuid import uuid4

import httpx
import litellm
import orjson
from fastapi import Response
from litellm.litellm_core_utils.core_helpers import process_response_headers
from starlette.requests import Request

from sdk_proxy.accounts import nobody_reads
from sdk_proxy.call import Call, model_of_endpoint
from sdk_proxy.identifier import new_id
from sdk_proxy.response_headers import without_cookies
from sdk_proxy.same_format import Plain, closed, commits_at_once
from sdk_proxy.streaming_utils import tells_usage
from sdk_proxy.tap import Exchange, Tap
from sdk_proxy.whole import PROVIDERS, TOLD_ANEW, Form, Unusual, checks_schemas

_SHAPES = 512  # kept at most, of the messages of one lesson
_ALL_BYTES, _LESSON_BYTES = 16 * 1024 * 1024, 4 * 1024 * 1024  # kept at most, about: of all lessons, and of one
_NODE_BYTES = 80  # of an object that Python makes of a value in JSON, about: 0.2 MB of numbers kept 2.4 MB
_BLOCKS = frozenset({"text", "tool_use", "tool_result", "thinking", "redacted_thinking", "function", "ephemeral"})
_WORDS = frozenset({"type", "role", "ttl", "scope"})  # keys whose value is one of few words
_IDS = frozenset({"id", "tool_use_id", "tool_call_id", "name"})
_ID = re.compile(r"(?!.*__thought__)[A-Za-z0-9_-]{1,40}")  # LiteLLM makes another of some
# Keys whose value is any text, unless LiteLLM has written it (common_utils.py, is_encrypted_reasoning_block, 1.106.2).
_TEXTS = frozenset({"text", "content", "arguments", "refusal", "thinking", "signature", "data"})
_LITELLMS = "litellm_"
_COMMON = frozenset({"role", "content", "type", "text", "id", "name", "cache_control", "ttl"})
# Of a message, and of all that is in it: LiteLLM goes by some others (`output_config`, `source`, `image_url`, ...).
_CHAT = {"tool_calls", "tool_call_id", "function", "arguments", "index", "refusal", "annotations"}
_MESSAGES = {"input", "tool_use_id", "is_error", "scope", "thinking", "signature", "data", "citations"}
KEYS = {
    "acompletion": _COMMON | _CHAT | {"provider_specific_fields"},  # LiteLLM's own word for what it did not know
    "anthropic_messages": _COMMON | _MESSAGES,
}
_JSON = re.compile(r"application/json *(?:;|\Z)")
_OWN = b"x-litellm-"  # a client's own word to LiteLLM: an id that its answer is to have
# What clients and hops say anew with each call; where it goes on, it is told as it came.
_ANEW = frozenset({b"x-request-id", b"x-client-request-id", b"x-correlation-id", b"traceparent", b"x-amzn-trace-id"})
_UNTOLD = ("", "None")  # values of headers that LiteLLM's get_custom_headers leaves out
_PROVIDERS = b""  # the place of the upstream's own headers in an answer
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key"})
_ONCE = {(b"x-litellm-attempted-retries", b"0"), (b"x-litellm-attempted-fallbacks", b"0")}
Headers = Sequence[tuple[bytes, bytes]]


class Unlike(Exception):
    """A message of which it is not known what LiteLLM does with it."""


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """A call that a lesson may hold for. `name`: a hash of all but its messages; those are as an upstream gets them.
    `written`: without blanks. `anew`: the headers that are another with each call."""

    name: bytes
    messages: Sequence[Any]
    written: bytes
    shapes: frozenset[Any]
    anew: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)  # it has the upstream's key
class Lesson:
    """`before`, `after`: the body around the messages; `blanks`: as json.dumps writes it, which is how LiteLLM does for
    Anthropic, and not as httpx does. `answer`: its headers; those that are told anew are empty.

    `form`: of whole answers, whose headers it makes. `commits`: whether LiteLLM would pass a stream on from its first
    event. `tells_usage`: at its end, of a chat.
    """

    transport: httpx.AsyncBaseTransport
    url: httpx.URL
    headers: Headers
    timeout: tuple[tuple[str, float], ...]
    before: bytes
    after: bytes
    blanks: bool
    answer: Headers
    form: Form | None
    deployment: str
    commits: bool
    tells_usage: bool

    def size(self) -> int:
        """Bytes that it keeps, about. `form` has all but the messages once more, as objects."""
        nodes = sum(part.count(mark) for part in (self.before, self.after) for mark in (b",", b":", b"[", b"{"))
        return len(self.before) + len(self.after) + (nodes * _NODE_BYTES if self.form is not None else 0)

    def request(self, page: Page) -> httpx.Request:
        messages = _with_blanks(page.messages) if self.blanks else page.written
        body = b"".join((self.before, messages, self.after))
        size = str(len(body)).encode()
        anew = {**page.anew, b"content-length": size}
        headers = [(name, value or anew.get(name.lower(), b"")) for name, value in self.headers]
        return httpx.Request(
            "POST", self.url, headers=headers, content=body, extensions={"timeout": dict(self.timeout)}
        )

    def answer_headers(self, upstream: httpx.Headers, took: float, waited: float) -> list[tuple[bytes, bytes]]:
        """Of a stream; `took` and `waited` in seconds: until now, and of that for the upstream."""
        anew = (new_id(), str(took * 1000), str(round((took - waited) * 1000, 4)))
        told = {name: value.encode() for name, value in zip(TOLD_ANEW, anew, strict=True)}
        headers: list[tuple[bytes, bytes]] = []
        for name, value in self.answer:
            if name == _PROVIDERS:
                headers += _theirs(upstream)
            else:
                headers.append((name, told.get(name, value)))
        return headers


@dataclass(frozen=True, slots=True)
class Begun:
    """A stream that LiteLLM need not look at, unless something else than words follows."""

    plain: Plain
    upstream: httpx.Response
    headers: list[tuple[bytes, bytes]]


async def begun(call: Call, lesson: Lesson, page: Page, said: Exchange) -> Begun | Response | None:
    """A stream, or a whole answer. None: LiteLLM has to look at it, or at the failure, and gets it in hand."""
    began, request = perf_counter(), lesson.request(page)
    try:
        response = await lesson.transport.handle_async_request(request)
        waited = perf_counter() - began
    except Exception as error:  # noqa: BLE001 - LiteLLM's transport lets some of aiohttp's through: all are LiteLLM's
        said.in_hand = error
        return None
    try:
        if lesson.form is not None:
            return await _whole(lesson.form, response, began, said)
        plain = await _plain(call, lesson, said.taps.pop()).begun()
        return Begun(plain, response, lesson.answer_headers(response.headers, perf_counter() - began, waited))
    except Exception:  # noqa: BLE001 - no stream, one that is not plain, or that broke: LiteLLM meets it as well
        said.in_hand = response
        return None
    except BaseException:
        await closed(response)
        raise


async def _whole(form: Form, response: httpx.Response, began: float, said: Exchange) -> Response | None:
    """Raises whatever is unusual in it."""
    if response.status_code != HTTPStatus.OK or not _JSON.match(response.headers.get("content-type", "")):
        raise Unusual
    try:
        await response.aread()
    except Exception as error:  # noqa: BLE001 - as in `begun`
        await closed(response)
        said.in_hand = error
        return None
    return form.told(response, began, perf_counter() - began)


def _plain(call: Call, lesson: Lesson, tap: Tap) -> Plain:
    if call.route_type == "anthropic_messages":
        return Plain.of_messages(tap, lesson.deployment, lesson.commits)
    return Plain.of_chat(tap, lesson.deployment, call.requested_model or "", lesson.tells_usage)


@dataclass(frozen=True, slots=True)
class _Known:
    """`shapes`: those that may be in a call's messages; `needed`: those that must be, for all calls so far had them.
    `size`: of the lesson, in bytes, about. `is_sure`: two calls agree on the lesson."""

    lesson: Lesson
    size: int
    shapes: frozenset[Any]
    needed: frozenset[Any]
    is_sure: bool = False

    def holds_for(self, shapes: frozenset[Any]) -> bool:
        return self.is_sure and self.needed <= shapes <= self.shapes


class Lessons:
    """What is known of the calls that came last."""

    def __init__(self, router: Any) -> None:
        self._router = router
        self._models = {route: frozenset(_speaking(router, provider)) for route, provider in PROVIDERS.items()}
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._size = 0

    def page(self, call: Call, request: Request, headers: Headers) -> Page | None:
        """None: it goes LiteLLM's way, and nothing is learnt from it."""
        messages, model = call.data.get("messages"), call.data.get("model")
        if not isinstance(model, str) or model not in self._models.get(call.route_type, ()):
            return None
        if not isinstance(messages, list) or model_of_endpoint(call, request) is not None:
            return None
        if not nobody_reads(self._router) or self._router.cache.redis_cache is not None:
            return None
        if self._router.enable_pre_call_checks:  # the Router counts the words
            return None
        if any(name.startswith(_OWN) for name, _ in headers):
            return None
        try:
            told = _without_nulls(messages) if call.route_type == "acompletion" else messages
            anew = {name: value for name, value in headers if name in _ANEW}
            shapes = shapes_of(told, KEYS[call.route_type])
            return Page(_name(call, request, headers), told, orjson.dumps(told), shapes, anew)
        except (Unlike, TypeError, ValueError, RecursionError):  # orjson's and marshal's of what they cannot write
            return None

    def of(self, page: Page) -> Lesson | None:
        """None: there is none, or it does not hold for these messages, or the deployment is being spared."""
        known = self._known.get(page.name)
        if known is None or not known.holds_for(page.shapes):
            return None
        self._known.move_to_end(page.name)
        lesson = known.lesson
        return None if self._router.cooldown_cache.get_active_cooldowns([lesson.deployment], None) else lesson

    def learn(self, page: Page, lesson: Lesson | None) -> None:
        if lesson is None or (size := lesson.size()) > _LESSON_BYTES:
            return
        before = self._forget(page.name)
        if before is None or before.lesson != lesson:
            self._known[page.name] = _Known(lesson, size, page.shapes, page.shapes)
        else:
            shapes = before.shapes if len(before.shapes) >= _SHAPES else before.shapes | page.shapes
            self._known[page.name] = _Known(lesson, size, shapes, before.needed & page.shapes, is_sure=True)
        self._size += size
        while self._size > _ALL_BYTES:
            self._forget(next(iter(self._known)))

    def forget(self, deployment: str) -> None:
        """Forget all that is known of a deployment, where its upstream has refused the credential."""
        for name in [name for name, known in self._known.items() if known.lesson.deployment == deployment]:
            self._forget(name)

    def _forget(self, name: bytes) -> _Known | None:
        known = self._known.pop(name, None)
        self._size -= known.size if known is not None else 0
        return known


def _speaking(router: Any, provider: str) -> Iterator[str]:
    """The models whose only deployment is at that provider: of others nothing is learnt (`lesson_of`, `Form.of`)."""
    for model, deployments in router.model_name_to_deployment_indices.items():
        params = [router.model_list[number]["litellm_params"] for number in deployments]
        if len(params) == 1:
            asked = {name: params[0].get(name) for name in ("model", "custom_llm_provider", "api_base")}
            if litellm.get_llm_provider(**asked)[1] == provider:
                yield model


def lesson_of(
    call: Call, page: Page, said: Exchange, answer: Response, hidden: Mapping[str, Any], router: Any
) -> Lesson | None:
    """What a call shows that LiteLLM answered so; None: nothing that holds for others."""
    if len(said.sent) != 1 or len(said.answers) != 1 or not isinstance(hidden.get("model_id"), str):
        return None
    deployments = router.model_name_to_deployment_indices.get(call.data["model"], ())
    if not set(answer.raw_headers) >= _ONCE or len(deployments) != 1:
        return None
    deployment = router.model_list[deployments[0]]
    if checks_schemas(call, deployment):
        return None
    form = None if call.streams else Form.of(call, hidden, said.answers[0], answer)
    told = _answer_template(answer.raw_headers, _theirs(said.answers[0].headers)) if call.streams else ()
    if told is None or (form is None and not call.streams):
        return None
    transport, request = said.sent[0]
    body = orjson.loads(request.content)
    blanks = _with_blanks(body) == request.content
    if not blanks and orjson.dumps(body) != request.content:
        return None
    if orjson.dumps(body.get("messages")) != page.written or request.extensions.keys() != {"timeout"}:
        return None
    before, after = _around_messages(body, blanks)
    headers = _request_template(request.headers.raw, page)
    if not _has_fixed_credentials(headers, deployment["litellm_params"].get("api_key")):
        return None
    if any(value in each for value in page.anew.values() for each in (before, after, *headers)):
        return None
    return Lesson(
        transport,
        request.url,
        headers,
        tuple(request.extensions["timeout"].items()),
        before,
        after,
        blanks,
        told,
        form,
        hidden["model_id"],
        call.route_type == "acompletion" or commits_at_once(call, router),
        tells_usage(call),
    )


def _request_template(headers: Headers, page: Page) -> Headers:
    """What is another with each call is empty."""
    sent = [(name, value, name.lower()) for name, value in headers]
    return tuple(
        (name, b"" if lower == b"content-length" or page.anew.get(lower) == value else value)
        for name, value, lower in sent
        if lower != b"cookie"
    )


def _has_fixed_credentials(headers: Headers, api_key: Any) -> bool:
    """Whether each is the deployment's key: LiteLLM makes others anew (workload identity, `oidc/`, files, secrets that
    are read with each call), or passes on the client's."""
    fixed = (api_key.encode(), f"Bearer {api_key}".encode()) if isinstance(api_key, str) and api_key else ()
    return all(value in fixed for name, value in headers if name.lower() in _CREDENTIALS)


def _around_messages(body: Mapping[str, Any], blanks: bool) -> tuple[bytes, bytes]:
    mark = uuid4().hex  # no other text of the body
    marked = {**body, "messages": mark}
    before, _, after = (_with_blanks(marked) if blanks else orjson.dumps(marked)).partition(b'"%b"' % mark.encode())
    return before, after


def _with_blanks(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def _theirs(upstream: httpx.Headers) -> list[tuple[bytes, bytes]]:
    """As CustomStreamWrapper and ResponseMetadata.set_hidden_params (1.106.2), one after the other."""
    once = process_response_headers(upstream)
    told = without_cookies(process_response_headers(once, preserve_litellm_internal_headers=True))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items() if value not in _UNTOLD]


def _answer_template(answer: Headers, theirs: list[tuple[bytes, bytes]]) -> Headers | None:
    """None: theirs are told in another way."""
    places = [at for at in range(len(answer)) if list(answer[at : at + len(theirs)]) == theirs]
    if not theirs or len(places) != 1:
        return None
    at = places[0]
    own = [(name, b"" if name in TOLD_ANEW else value) for name, value in answer]
    return (*own[:at], (_PROVIDERS, b""), *own[at + len(theirs) :])


def _name(call: Call, request: Request, headers: Headers) -> bytes:
    """Headers and keys in their order: whatever else LiteLLM may go by is in it.

    In marshal's second version, which writes each value of JSON in another way: 1, 1.0 and true, 0.0 and -0.0, null and
    NaN, integers of any length, half characters. orjson writes some alike.
    """
    found = sha256(f"{call.route_type} {request.url.path}?{request.url.query}\n".encode())
    for name, value in headers:
        if name != b"content-length":
            found.update(b"%b: %b\n" % (name, b"" if name in _ANEW else value))
    found.update(marshal.dumps({**call.data, "messages": None}, 2))
    return found.digest()


def _without_nulls(messages: Sequence[Any]) -> list[Any]:
    """As litellm/utils.py, cleanup_none_field_in_message (1.106.2); that it is so is seen in each lesson."""
    return [{name: value for name, value in each.items() if value is not None} for each in map(_dict, messages)]


def _dict(message: Any) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise Unlike
    return message


def shapes_of(messages: Sequence[Any], keys: frozenset[str]) -> frozenset[Any]:
    """Return the shape of each message, and who speaks after whom. Raises Unlike, and RecursionError."""
    roles = [None, *(_dict(each).get("role") for each in messages), None]
    shapes = {_shape(each, keys) for each in messages}
    return frozenset({*shapes, *pairwise(roles)})


def _shape(node: Any, keys: frozenset[str]) -> Any:
    if isinstance(node, dict):
        if not keys.issuperset(node):
            raise Unlike
        return tuple([(name, _shape_of(name, value, keys)) for name, value in node.items()])
    if isinstance(node, list):
        shapes = [_shape(each, keys) for each in node]
        return (frozenset(shapes), shapes[-1] if shapes else None)
    if isinstance(node, str):
        return bool(node) and not node.isspace()
    if isinstance(node, float):
        raise Unlike  # some are no JSON, and others are written in more than one way
    return None if node is None else type(node)


def _shape_of(name: str, value: Any, keys: frozenset[str]) -> Any:
    if name == "input":
        return isinstance(value, dict) and bool(value)
    if not isinstance(value, str):
        if name == "type":
            raise Unlike
        return _shape(value, keys)
    if name in _WORDS:
        if name == "type" and value not in _BLOCKS:
            raise Unlike
        return value
    if name in _TEXTS:
        if value.startswith(_LITELLMS):
            raise Unlike
    elif name not in _IDS or not _ID.fullmatch(value):
        raise Unlike
    return bool(value) and not value.isspace()
