import json
from typing import Any

import httpx
import litellm
import pytest

from sdk_proxy.upstream_error import advice, anthropic_body, message, own_advice, upstream_answer

REQUEST = httpx.Request("POST", "https://api.example.com/v1/messages")
OVERLOADED = b'{"type": "error",  "error": {"type": "overloaded_error", "message": "Overloaded"}}'


def said(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={n.replace("_", "-"): v for n, v in headers.items()}, content=body)


def as_litellm_raises(answer: httpx.Response, before: Exception | None = None) -> Exception:
    """The upstream's answer below two exceptions of LiteLLM's; `before` is how the attempt before ended."""
    lowest = httpx.HTTPStatusError("no", request=REQUEST, response=answer)
    lowest.__context__ = before
    middle = RuntimeError("a provider's exception")
    middle.__context__ = lowest
    error: Exception = litellm.InternalServerError(message="no", llm_provider="anthropic", model="m")
    error.__cause__ = middle
    return error


def test_the_upstream_s_answer_is_found_below_litellm_s_exceptions() -> None:
    answer = said(529)
    assert upstream_answer(as_litellm_raises(answer)) is answer


def test_the_attempt_before_has_no_say() -> None:
    first, second = said(429), said(500)
    before = as_litellm_raises(first)
    assert upstream_answer(as_litellm_raises(second, before)) is second
    timeout = litellm.Timeout(message="late", llm_provider="anthropic", model="m")
    timeout.__context__ = before
    assert upstream_answer(timeout) is None


def test_when_all_attempts_failed_alike_the_last_one_speaks() -> None:
    last = said(529)
    raised_again = litellm.InternalServerError(message="no", llm_provider="anthropic", model="m")
    raised_again.__context__ = as_litellm_raises(last)
    assert upstream_answer(raised_again) is last


@pytest.mark.parametrize("error", [RuntimeError("oops"), as_litellm_raises(said(302))])
def test_where_no_upstream_refused_there_is_no_answer(error: Exception) -> None:
    assert upstream_answer(error) is None


def test_an_error_in_anthropic_s_envelope_stays_byte_for_byte() -> None:
    assert anthropic_body(said(529, OVERLOADED)) == OVERLOADED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"type": "error"}',
        b'{"type": "error", "error": {"type": "x"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_in_anthropic_s_envelope_is_not_taken_for_it(body: bytes) -> None:
    assert anthropic_body(said(500, body)) is None


def test_openai_s_envelope_is_not_anthropic_s() -> None:
    tree: dict[str, Any] = {"error": {"message": "no", "type": "invalid_request_error"}}
    assert anthropic_body(said(400, json.dumps(tree).encode())) is None


def test_a_body_that_was_not_read_is_none() -> None:
    assert anthropic_body(httpx.Response(500, stream=httpx.ByteStream(OVERLOADED))) is None


def test_when_to_come_back_is_told_in_the_upstream_s_headers() -> None:
    answer = said(429, retry_after="3", retry_after_ms="2500", x_should_retry="true", set_cookie="a=1")
    assert advice(answer) == {"retry-after": "3", "retry-after-ms": "2500", "x-should-retry": "true"}
    assert advice(said(429)) == advice(None) == {}


def test_a_header_that_cannot_be_sent_on_is_left_out() -> None:
    assert advice(httpx.Response(429, headers=[(b"retry-after", "später".encode())])) == {}


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_what_would_fail_again_says_so(status: int) -> None:
    assert own_advice(status) == {"x-should-retry": "false"}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_left_to_the_client(status: int) -> None:
    assert own_advice(status) == {}


def test_what_is_told_has_no_traceback() -> None:
    assert message(ValueError('boom\nTraceback (most recent call last):\n  File "/srv/a.py"')) == "boom"
