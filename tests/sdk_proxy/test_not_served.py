import json

import pytest
from starlette.requests import Request

from sdk_proxy.litellm_proxy_sdk import LLM_ROUTES
from sdk_proxy.not_served import ROUTE_OF_MODE, not_found_handler, unserved_route


async def told(path: str, **scope: object) -> dict[str, object]:
    class NotFound:
        status_code, detail, headers = 404, "Not Found", None

    request = Request({"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], **scope})
    answer = await not_found_handler(request, NotFound())
    assert answer.status_code == 404
    tree: dict[str, object] = json.loads(bytes(answer.body))
    return tree


@pytest.mark.parametrize(
    "path", ["/v1/rerank", "/v1/files", "/v1/batches/b_1/cancel", "/gemini/v1beta/models", "/v1/ocr"]
)
async def test_a_route_that_only_litellm_has_says_so_in_openai_s_envelope(path: str) -> None:
    fault = (await told(path))["error"]
    assert fault == {
        "message": f"This gateway does not serve {path}. LiteLLM's own proxy does.",
        "type": "not_found_error",
        "param": None,
        "code": "route_not_served",
    }


@pytest.mark.parametrize("path", ["/nonsense", "/v1/rerank/more", "/v1"])
async def test_a_path_that_neither_has_is_not_found_as_in_litellm(path: str) -> None:
    assert await told(path) == {"detail": "Not Found"}


async def test_what_an_endpoint_does_not_find_is_its_own_answer() -> None:
    assert await told("/v1/models/nobody", endpoint=object()) == {"detail": "Not Found"}


@pytest.mark.parametrize(
    ("model", "info", "route"),
    [
        ("cohere/rerank-english-v3.0", {}, "/v1/rerank"),
        ("openai/whatever", {"mode": "realtime"}, "/v1/realtime"),
        ("openai/gpt-4o-mini-tts", {"mode": "audio_speech"}, None),
        ("openai/gpt-image-1", {}, None),
        ("openai/gpt-5", {}, None),
        ("openai/unheard-of", {}, None),
    ],
)
def test_a_deployment_that_no_route_is_for_is_known_by_its_mode(model: str, info: object, route: str | None) -> None:
    assert unserved_route({"litellm_params": {"model": model}, "model_info": info}) == route


def test_no_route_that_is_served_is_called_unserved() -> None:
    assert not {path for _, path, _ in LLM_ROUTES} & set(ROUTE_OF_MODE.values())
