import json
from collections.abc import Callable
from typing import Any

import httpx
import litellm
import pytest
from fastapi import HTTPException
from fastapi.responses import Response
from litellm.proxy._types import ProxyException
from litellm.types.router import RouterRateLimitError

from sdk_proxy.call import Call
from sdk_proxy.error_handlers import failed, failed_count

REQUEST = httpx.Request("POST", "https://api.example.com/v1/messages")


def upstream_error(kind: type[Exception], status: int, **headers: str) -> Exception:
    response = httpx.Response(status, headers=headers, request=REQUEST)
    return kind(message="it said no", llm_provider="anthropic", model="m", response=response)  # type: ignore[call-arg]


def of_chat(error: Exception) -> Response:
    return failed(Call("acompletion", {"litellm_call_id": "call"}, "m"), error, None)


def of_messages(error: Exception, request_id: str | None = None) -> Response:
    return failed(Call("anthropic_messages", {"litellm_call_id": "call"}, "m"), error, request_id)


def body(answer: Response) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(bytes(answer.body))
    return tree


@pytest.mark.parametrize(
    ("kind", "status", "openai", "anthropic"),
    [
        (litellm.BadRequestError, 400, "invalid_request_error", "invalid_request_error"),
        (litellm.PermissionDeniedError, 403, "permission_error", "permission_error"),
        (litellm.RateLimitError, 429, "throttling_error", "rate_limit_error"),
        (litellm.ServiceUnavailableError, 503, "internal_server_error", "api_error"),
    ],
)
def test_an_upstream_s_error_has_a_status_and_a_type_in_each_protocol(
    kind: type[Exception], status: int, openai: str, anthropic: str
) -> None:
    error = upstream_error(kind, status)
    assert (of_chat(error).status_code, body(of_chat(error))["error"]["type"]) == (status, openai)
    assert (of_messages(error).status_code, body(of_messages(error))["error"]["type"]) == (status, anthropic)
    assert body(of_messages(error))["type"] == "error"


def test_anything_else_is_a_500_with_its_text() -> None:
    assert body(of_chat(RuntimeError("oops")))["error"] == {
        "message": "oops", "type": "internal_server_error", "param": None, "code": "500"
    }  # fmt: skip
    assert body(of_messages(RuntimeError("oops")))["error"] == {"type": "api_error", "message": "oops"}


def test_an_http_exception_keeps_its_status_and_its_fields() -> None:
    error = HTTPException(400, {"error": "no such model"})
    assert body(of_chat(error))["error"]["message"] == "no such model"
    assert body(of_messages(error))["error"]["provider_specific_fields"] == {"error": "no such model"}


def test_litellm_s_own_refusals_keep_their_words() -> None:
    error = ProxyException(message="no", type="t", param="p", code=418)
    assert body(of_chat(error))["error"] == {"message": "no", "type": "t", "param": "p", "code": "418"}
    assert of_chat(error).headers["x-litellm-call-id"] == "call"
    assert of_messages(error).status_code == 418


def test_an_attribute_error_within_is_the_request_s_fault() -> None:
    error = RuntimeError("wrapped")
    error.__cause__ = AttributeError("inner")
    assert body(of_chat(error))["error"]["message"] == "Invalid request format: wrapped"
    assert of_chat(error).status_code == 400


def test_a_client_s_request_id_comes_back_in_anthropic_s_shape() -> None:
    assert body(of_messages(RuntimeError("oops"), "mine"))["request_id"] == "mine"


def test_the_provider_s_headers_are_told_in_openai_s_shape_but_for_its_cookies_and_framing() -> None:
    error = upstream_error(
        litellm.RateLimitError, 429, **{"retry-after": "3", "set-cookie": "a=1", "transfer-encoding": "chunked"}
    )
    headers = of_chat(error).headers
    assert headers["llm_provider-retry-after"] == "3"
    assert {"set-cookie", "llm_provider-set-cookie", "transfer-encoding"}.isdisjoint(headers)
    assert "llm_provider-retry-after" not in of_messages(error).headers


def test_a_resting_deployment_says_when_to_come_back() -> None:
    error = RouterRateLimitError(model="m", cooldown_time=4.2, enable_pre_call_checks=False, cooldown_list=[])
    assert (of_chat(error).status_code, of_chat(error).headers["retry-after"]) == (429, "5")


@pytest.mark.parametrize("told", [of_chat, of_messages])
def test_a_permanent_error_says_that_another_try_is_in_vain(told: Callable[[Exception], Response]) -> None:
    assert told(upstream_error(litellm.BadRequestError, 400)).headers["x-should-retry"] == "false"
    assert told(ProxyException(message="no", type="t", param=None, code=401)).headers["x-should-retry"] == "false"
    assert "x-should-retry" not in told(upstream_error(litellm.RateLimitError, 429)).headers


def test_what_the_upstream_said_goes_on_as_it_said_it() -> None:
    said = b'{"type": "error",  "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    answer = httpx.Response(529, headers={"retry-after": "7", "x-should-retry": "true"}, content=said)
    error = upstream_error(litellm.InternalServerError, 500)
    error.__cause__ = httpx.HTTPStatusError("no", request=REQUEST, response=answer)
    messages, chat = of_messages(error), of_chat(error)
    assert (messages.status_code, bytes(messages.body)) == (529, said)
    assert (chat.status_code, body(chat)["error"]["type"], body(chat)["error"]["code"]) == (
        529, "overloaded_error", "529"
    )  # fmt: skip
    for told in (messages, chat):
        assert (told.headers["retry-after"], told.headers["x-should-retry"]) == ("7", "true")


def test_a_count_that_fails_has_anthropic_s_shape() -> None:
    answer = failed_count(HTTPException(400, "messages parameter is required"), None)
    assert (answer.status_code, body(answer)["error"]["type"]) == (400, "invalid_request_error")


def test_only_a_call_that_the_gateway_itself_refused_gets_an_id_afterwards() -> None:
    refused = failed(Call("acompletion", {}, "m"), ProxyException(message="no", type="t", param=None, code=400), None)
    broken = failed(Call("acompletion", {}, "m"), ValueError("no number"), None)
    assert refused.headers["x-litellm-call-id"]
    assert "x-litellm-call-id" not in broken.headers


def test_a_completion_s_error_has_the_plain_form_that_litellm_gives_it() -> None:
    answer = failed(Call("atext_completion", {}, "m"), upstream_error(litellm.BadRequestError, 400), None)
    assert answer.status_code == 400
    assert set(body(answer)["error"]) == {"message", "type", "param", "code"}
    assert "x-litellm-version" not in answer.headers
