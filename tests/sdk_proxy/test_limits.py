import asyncio
import gzip
import json
import zlib
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk_proxy.limits import Limited, Limits
from tests.waiting import PATIENCE, until

LIMITS = Limits(body_bytes=10, header_bytes=400)
HASTY = replace(LIMITS, body_seconds=0.05)


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

    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": []}
    await Limited(reads_all, HASTY)(scope, silent, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"]["type"] == "invalid_request_error"


async def test_a_body_that_comes_in_drops_is_a_408_as_well() -> None:
    """Each of them in time: or a place is held for as long as a client likes."""
    sent: list[Any] = []

    async def drop() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": []}
    async with asyncio.timeout(PATIENCE):
        await Limited(reads_all, HASTY)(scope, drop, send)
    assert sent[0]["status"] == 408


async def test_a_body_that_is_large_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes at a little more than the slowest pace, for much longer than `body_seconds`."""
    pieces, now = [b"x" * 10_000] * 20, [0.0]
    monkeypatch.setattr("sdk_proxy.limits.monotonic", lambda: now[0])

    async def piece() -> Any:
        now[0] += 9.0
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": []}
    await Limited(reads_all, Limits(body_seconds=10.0))(scope, piece, send)
    assert (sent[0]["status"], pieces) == (200, [])


class Held:
    """An application whose answers end when the test says so; `most`: how many it had at one time."""

    def __init__(self) -> None:
        self.open = self.most = 0
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            if scope["method"] == "POST":
                await self.go_on.wait()
            if scope["path"] == "/broken":
                raise RuntimeError("broken")
            await reads_all(scope, receive, send)
        finally:
            self.open -= 1


async def test_what_is_too_much_at_one_time_is_a_429_at_once_and_later_it_is_not() -> None:
    held = Held()
    transport = httpx.ASGITransport(Limited(held, Limits(in_flight=2)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        first = [asyncio.create_task(client.post("/v1/messages", content=b"x")) for _ in range(2)]
        await until(lambda: held.open == 2)
        refused = [await client.post(path, content=b"x" * 100_000) for path in ("/v1/messages", "/v1/responses")]
        assert (await client.get("/health/readiness")).status_code == 200
        held.go_on.set()
        assert [(await each).status_code for each in first] == [200, 200]
        assert (await client.post("/v1/messages")).status_code == 200
    message = "The gateway has as many requests as it can take."
    assert [(each.status_code, each.headers["retry-after"], each.headers["x-should-retry"]) for each in refused] == [
        (429, "1", "true")
    ] * 2
    assert refused[0].json() == {"type": "error", "error": {"message": message, "type": "rate_limit_error"}}
    assert (refused[1].json()["error"]["message"], refused[1].json()["error"]["code"]) == (message, "429")
    assert "connection" not in refused[0].headers


@pytest.mark.parametrize("path", ["/broken", "/v1/messages"])
async def test_a_place_is_free_again_however_its_request_ended(path: str) -> None:
    held = Held()
    transport = httpx.ASGITransport(Limited(held, Limits(in_flight=1)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        for _ in range(3):
            task = asyncio.create_task(client.post(path))
            await until(lambda: held.open == 1)
            if path == "/broken":
                held.go_on.set()
            else:
                task.cancel()
            await asyncio.wait((task,))
            held.go_on.clear()
            assert held.open == 0


@given(st.lists(st.sampled_from(["call", "end", "leave"]), max_size=30), st.integers(1, 4))
def test_there_are_never_more_than_the_limit(acts: list[str], limit: int) -> None:
    async def lived() -> None:
        held, tasks = Held(), list[asyncio.Task[httpx.Response]]()
        transport = httpx.ASGITransport(Limited(held, Limits(in_flight=limit)))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            for act in acts:
                if act == "call":
                    tasks.append(asyncio.create_task(client.post("/v1/messages")))
                    await asyncio.sleep(0.001)
                elif act == "leave" and tasks:
                    tasks.pop(0).cancel()
                    await asyncio.sleep(0)
                elif act == "end":
                    held.go_on.set()
                    await asyncio.gather(*tasks, return_exceptions=True)
                    held.go_on.clear()
                    tasks.clear()
            held.go_on.set()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert (held.most <= limit, held.open) == (True, 0)

    asyncio.run(lived())


CODED = Limits(body_bytes=1000)


async def echoes(scope: Any, receive: Any, send: Any) -> None:
    """The body that it got; and the headers that it got with it, by name."""
    names = sorted(name.decode() for name, _ in scope["headers"])
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-names", ",".join(names).encode())]})
    await send({"type": "http.response.body", "body": body})


async def coded(coding: str, content: Any, app: Any = echoes) -> httpx.Response:
    transport = httpx.ASGITransport(Limited(app, CODED))
    headers = {"content-encoding": coding}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.post("/v1/chat/completions", content=content, headers=headers)


async def test_a_compressed_body_reaches_the_application_plain() -> None:
    answer = await coded("gzip", gzip.compress(b"{}"))
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert not {"content-encoding", "content-length"} & set(answer.headers["x-names"].split(","))


async def test_a_compressed_body_that_is_too_large_is_a_413_and_no_more_of_it_is_read() -> None:
    sent = 0

    async def bomb() -> Any:
        nonlocal sent
        coder = zlib.compressobj(wbits=31)
        for _ in range(1000):
            sent += 1
            yield coder.compress(bytes(1_000_000)) + coder.flush(zlib.Z_SYNC_FLUSH)

    answer = await coded("gzip", bomb())
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")
    assert answer.json()["error"]["message"] == "The request's body exceeds 1000 bytes."
    assert sent == 1


@pytest.mark.parametrize("content", [b"{}", gzip.compress(b"{}" * 100)[:-5], b""], ids=["plain", "cut", "empty"])
async def test_a_body_that_is_not_in_its_coding_is_a_400(content: bytes) -> None:
    answer = await coded("gzip", content, reads_all)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "content-encoding" in answer.json()["error"]["message"]


@pytest.mark.parametrize("coding", ["compress", "gzip, gzip"])
async def test_an_unknown_coding_is_a_415_that_names_the_known_ones(coding: str) -> None:
    answer = await coded(coding, b"{}")
    assert (answer.status_code, answer.headers["x-should-retry"]) == (415, "false")
    assert answer.headers["accept-encoding"] == "gzip, x-gzip, deflate, zstd, br"


async def test_a_client_that_leaves_in_the_middle_of_a_compressed_body_has_left() -> None:
    parts = [
        {"type": "http.request", "body": gzip.compress(b"{}")[:10], "more_body": True},
        {"type": "http.disconnect"},
    ]
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())

    async def receive() -> Any:
        return parts.pop(0)

    async def send(_: Any) -> None:
        raise AssertionError("there is no answer")

    headers = [(b"content-encoding", b"gzip")]
    await Limited(app, CODED)({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive, send)
    assert [message["type"] for message in got] == ["http.disconnect"]
