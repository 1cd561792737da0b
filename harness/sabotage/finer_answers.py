"""Smaller regressions of an answer: one value, one letter of a header, its connection, its time, another's answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.model import Response
from harness.sabotage.mutation import (
    Mutation,
    Pieces,
    added,
    changed,
    delayed,
    dropped,
    renamed,
    replaced,
    response_body,
    response_headers,
    without,
)
from harness.sabotage.sabotage import Sabotage

_WHOLE, _CHAT, _SEVERAL = "curl/messages-whole", "curl/chat-openai", "openai-python/calls-at-once"


def _answer(name: str, sense: str, scenario: str, mutation: Mutation) -> Sabotage:
    return Sabotage(name, sense, scenario, mutation=mutation)


def _body(name: str, scenario: str, change: Callable[[Any], Any]) -> Sabotage:
    return Sabotage(name, "body", scenario, mutation=response_body(change))


def _in_choice(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of(tree: Any) -> Any:
        change(tree["choices"][0])
        return tree

    return of


def _an_hour_on(text: str) -> str:
    """As where local time is called GMT."""
    return re.sub(r"\b(\d\d)(?=:\d\d:\d\d)", lambda hour: f"{(int(hour[1]) + 1) % 24:02}", text)


def _of_the_call_before() -> Mutation:
    """Each answer but the first is that of the call before."""
    kept: list[bytes] = []

    async def body(source: Pieces) -> Pieces:
        kept.append(b"".join([piece async for piece in source]))
        yield kept[max(len(kept) - 2, 0)]

    return Mutation(body=body)


def _always_the_first(name: str) -> Mutation:
    """The header has the value that it had first."""
    first: list[str] = []

    def of(value: str) -> str:
        first.append(value)
        return first[0]

    return response_headers(changed(name, of))


def _in_http_1_0(line: bytes) -> bytes:
    return line.replace(b"HTTP/1.1", b"HTTP/1.0", 1)


def _one_word(head: Response) -> Response:
    return replace(head, headers=changed("content-type", str.upper)(head.headers))


HEADERS = (
    _answer(
        "a header's name is in capitals", "headers", _WHOLE, response_headers(renamed("content-type", "Content-Type"))
    ),
    _answer("a header's value is in capitals", "headers", _WHOLE, Mutation(head=_one_word)),
    _answer("an answer's clock is an hour on", "headers", _WHOLE, response_headers(changed("date", _an_hour_on))),
    _answer(
        "a retry-after is rounded up",
        "must",
        "curl/messages-upstream-429",
        response_headers(changed("retry-after", lambda _: "2")),
    ),
    _answer("a good answer says when to try again", "headers", _CHAT, response_headers(added("retry-after", "7"))),
    _answer(
        "a good answer says that it is final", "headers", _CHAT, response_headers(added("x-should-retry", "false"))
    ),
    _answer(
        "what will not work is to be tried again",
        "headers",
        "curl/chat-upstream-400",
        response_headers(changed("x-should-retry", lambda _: "true")),
    ),
    _answer("an unasked-for id is told", "headers", _WHOLE, response_headers(added("x-request-id", "my-own"))),
    _answer(
        "all answers have the same request id",
        "headers",
        "claude-code/tool-loop",
        _always_the_first("x-litellm-call-id"),
    ),
    _answer(
        "a header of the provider's is lost",
        "headers",
        _CHAT,
        response_headers(without("llm_provider-openai-organization")),
    ),
)

BODIES = (
    _body(
        "a count becomes a fraction", _WHOLE, lambda tree: {**tree, "usage": {**tree["usage"], "output_tokens": 34.0}}
    ),
    _answer(
        "a count is written in powers of ten", "body", _WHOLE, replaced(rb'("input_tokens":\s?)12\b', rb"\g<1>1.2e1")
    ),
    _body("an empty list is left out", _CHAT, _in_choice(lambda choice: choice["message"].pop("annotations", None))),
    _body("a null too many", _CHAT, _in_choice(lambda choice: choice["message"].update(audio=None))),
    _body("a null becomes an empty text", _WHOLE, lambda tree: {**tree, "stop_sequence": ""}),
    _body("the system's fingerprint is lost", _CHAT, lambda tree: {**tree, "system_fingerprint": None}),
    _body("the time of an answer is another", _CHAT, lambda tree: {**tree, "created": tree["created"] + 1}),
    _body("a total is not the sum", _CHAT, lambda tree: {**tree, "usage": {**tree["usage"], "total_tokens": 28}}),
    _body("an error loses its type", "curl/chat-upstream-400", lambda tree: {"error": {**tree["error"], "type": None}}),
    _body(
        "a list of models says another owner",
        "curl/models-openai",
        lambda tree: {**tree, "data": [{**one, "owned_by": "x"} for one in tree["data"]]},
    ),
    _answer("an answer is another call's", "body", _SEVERAL, _of_the_call_before()),
)

# Where a declaration allows the candidate something of its own, it is held to what the upstream said.
DECLARED = (
    _answer(
        "words behind a line separator are lost",
        "must",
        "curl/line-separators-anthropic-stream",
        replaced(rb"(?s)And another.*?the last", b""),
    ),
    _answer("a line separator is lost", "must", "curl/line-separators-gemini-stream", replaced(b"\xe2\x80\xa8", b"")),
    _answer(
        "a redirect leads behind the gateway",
        "must",
        "curl/slash-behind-a-path",
        response_headers(changed("location", lambda place: re.sub(r":\d+/", ":4000/", place))),
    ),
    _answer(
        "words behind a challenge are lost",
        "must",
        "curl/challenge-messages-anthropic",
        replaced(rb"The Angara\.", b"The."),
    ),
    _answer(
        "usage behind a challenge is lost",
        "body",
        "curl/challenge-messages-anthropic",
        replaced(rb'("output_tokens":\s?)34', rb"\g<1>0"),
    ),
    _answer(
        "an overload's words in mid-stream are lost",
        "events",
        "curl/chat-anthropic-stream-error-event",
        replaced(rb'("error":\s?\{[^}]*"message":\s?")[^"]*', rb"\1"),
    ),
    _answer(
        "a reason to stop is lost behind a comment",
        "message",
        "curl/chat-gemini-stream-comments",
        replaced(rb'("finish_reason":\s?)"stop"', rb"\1null"),
    ),
    _answer(
        "words before a truncated end are lost, of Gemini",
        "message",
        "curl/chat-gemini-stream-truncated",
        dropped(lambda number, _: number == 1),
    ),
    _answer(
        "words before a truncated end are lost, of a response",
        "events",
        "curl/responses-anthropic-stream-truncated",
        dropped(lambda _, event: '"response.output_text.delta"' in event.data),
    ),
)

CONNECTION = (
    _answer("an answer is in HTTP/1.0", "connection", _WHOLE, Mutation(head_line=_in_http_1_0)),
    _answer("the connection is closed behind an answer", "connection", _WHOLE, Mutation(hangs_up=True)),
    _answer("the connection is closed behind a stream", "connection", "curl/messages-stream", Mutation(hangs_up=True)),
    _answer("the connection is closed behind an error", "connection", "curl/no-key-chat", Mutation(hangs_up=True)),
)

TIME = (
    _answer("an answer comes two seconds late", "lateness", _WHOLE, delayed(2.0)),
    _answer("a call waits for two seconds", "lateness", _CHAT, Mutation(pause=2.0)),
)
