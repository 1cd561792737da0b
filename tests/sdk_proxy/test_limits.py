import asyncio
import json
from typing import Any

import httpx
import pytest

from sdk_proxy.limits import Limited, Limits

LIMITS = Limits(body_bytes=10, header_bytes=400, body_seconds=0.05)


async def reads_all(scope: Any, receive: Any, send: Any) -> None:
    """As LiteLLM does: an application that makes an answer of its own of any failure."""
    status, more = 200, True
    try:
        while more:
            more = (await receive()).get("more_body", False)
    except Exception:  # noqa: BLE001 - see above
        status = 500
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def answered(**request: Any) -> httpx.Response:
    transport = httpx.ASGITransport(Limited(reads_all, LIMITS))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.post(**{"url": "/v1/messages", **request})


async def pieces():
    for _ in range(3):
        yield b"12345"


@pytest.mark.parametrize("content", [b"x" * 11, pieces()], ids=["by its length", "as it comes"])
async def test_a_body_over_the_limit_is_a_413_in_the_route_s_envelope(content):
    answer = await answered(content=content)
    fault = {"message": "The request's body exceeds 10 bytes.", "type": "request_too_large"}
    assert (answer.status_code, answer.json()) == (413, {"type": "error", "error": fault})
    assert answer.headers["connection"] == "close"


async def test_a_body_at_the_limit_goes_through():
    assert (await answered(content=b"x" * 10)).status_code == 200


async def test_headers_over_the_limit_are_a_431():
    answer = await answered(url="/v1/chat/completions", headers={"x-long": "x" * 400})
    assert (answer.status_code, answer.json()["error"]["code"]) == (431, "431")


async def test_a_body_that_stops_coming_is_a_408():
    sent: list[Any] = []

    async def silent() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/v1/messages", "headers": []}
    await Limited(reads_all, LIMITS)(scope, silent, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"]["type"] == "invalid_request_error"
