"""What is told is what the harness reads: its reader is the judge here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from deploy import copying
from deploy.copying import CALL, Copies
from deploy.overhearing import hear
from harness.model import Response
from harness.traffic.copied import Copied, Joining, Message, messages
from tests.waiting import PATIENCE, until

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/v1/messages",
    "raw_path": b"/v1/messages",
    "query_string": b"beta=true",
    "headers": [(b"host", b"here"), (b"x-api-key", b"sk-1")],
    "client": ("127.0.0.1", 5000),
}
ASKED = b"POST /v1/messages HTTP/1.1\r\nHost: provider\r\nContent-Length: 2\r\n\r\n{}"
SAID = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"


class Taken(list[Message]):
    async def until(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self) < number:
                await asyncio.sleep(0.01)

    def joined(self) -> list[Copied]:
        joining = Joining()
        for message in self:
            joining.add(message, 0.0)
        return joining.joined(0.0)


@asynccontextmanager
async def taking(place: Path, *all_copies: Copies) -> AsyncIterator[Taken]:
    taken = Taken()

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for message in messages(reader):
            taken.append(message)
        writer.close()

    async with await asyncio.start_unix_server(heard, place):
        for each in all_copies:
            await each.begin(place)
        yield taken
        for each in all_copies:
            await each.end()
        await asyncio.sleep(0.05)


async def asked(app: Any, body: bytes = b'{"a":1}', **scope: Any) -> list[bytes]:
    """What the client gets."""
    got: list[bytes] = []
    said = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return said.pop(0) if said else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        got.append(message.get("body", b""))

    await app({**SCOPE, **scope}, receive, send)
    return got


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-is", b"it")]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b"end"})


async def test_a_call_is_told_with_what_was_asked_for_it_behind(tmp_path: Path) -> None:
    front, back = Copies(front=True, hear=hear), Copies(front=False, hear=hear)

    async def litellm(scope: Any, receive: Any, send: Any) -> None:
        call = CALL.get()
        assert call is not None
        made = call.makes(9)
        made.sent.append(call.keep(ASKED))
        made.got.append((made.began + 0.1, call.keep(SAID)))
        await echo(scope, receive, send)

    behind = back.around(litellm)

    async def binary(scope: Any, receive: Any, send: Any) -> None:
        call = CALL.get()
        assert call is not None
        call.makes(6001)
        await behind({**scope, "client": ("127.0.0.1", 6001)}, receive, send)

    async with taking(tmp_path / "calls", front, back) as taken:
        assert await asked(front.around(binary)) == [b"", b'{"a":1}', b"end"]
        await taken.until(2)
    (copied,) = taken.joined()
    assert copied.unfit is None
    assert (copied.client.request.path, copied.client.request.body) == ("/v1/messages?beta=true", b'{"a":1}')
    assert isinstance(copied.client.outcome, Response)
    assert [chunk.data for chunk in copied.client.outcome.chunks] == [b'{"a":1}', b"end"]
    assert copied.client.outcome.headers[0] == ("x-is", "it")
    assert [
        (call.request.body, call.outcome.body) for call in copied.upstream if isinstance(call.outcome, Response)
    ] == [(b"{}", b"yes")]
    assert (front.kept, back.kept) == (0, 0)


async def test_nothing_is_copied_where_nobody_takes_it(tmp_path: Path) -> None:
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(CALL.get())
        await echo(scope, receive, send)

    copies = Copies(front=True, hear=hear)
    await asked(copies.around(app))
    async with taking(tmp_path / "calls", copies) as taken:
        assert copies.taken
        await asked(copies.around(app), path="/health")
        assert taken == []
    assert seen == [None, None]


async def test_clients_are_answered_when_whoever_took_the_copies_is_gone(tmp_path: Path) -> None:
    copies = Copies(front=True, hear=hear)
    server = await asyncio.start_unix_server(lambda _, writer: writer.transport.abort(), tmp_path / "calls")
    async with server:
        await copies.begin(tmp_path / "calls")
        async with asyncio.timeout(PATIENCE):
            while copies.taken:
                assert await asked(copies.around(echo)) == [b"", b'{"a":1}', b"end"]
                await asyncio.sleep(0.01)
    assert await asked(copies.around(echo)) == [b"", b'{"a":1}', b"end"]
    assert copies.kept == 0


async def test_what_nobody_reads_is_dropped_and_counted_and_no_client_waits(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(copying, "_MOST", 1 << 20)
    copies, body, go_on = Copies(front=True, hear=hear), b"x" * 200_000, asyncio.Event()
    lost: list[int] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        async for message in messages(reader):
            lost.append(message.head["lost"])
        writer.close()

    async with await asyncio.start_unix_server(slow, tmp_path / "calls"):
        await copies.begin(tmp_path / "calls")
        for _ in range(20):
            assert await asked(copies.around(echo), body) == [b"", body, b"end"]
            await asyncio.sleep(0)
        go_on.set()
        sink = copies._sink
        await until(lambda: sink is not None and sink.get_write_buffer_size() == 0)  # there is room again
        await asked(copies.around(echo))
        async with asyncio.timeout(PATIENCE):
            while not lost or len(lost) + lost[-1] < 21:
                await asyncio.sleep(0.01)
        await copies.end()
        await asyncio.sleep(0.05)
    assert lost[-1] > 0 and len(lost) + lost[-1] == 21


async def test_a_call_that_is_too_large_is_told_without_its_bytes(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(copying, "_MOST_OF_ONE", 100)
    copies = Copies(front=True, hear=hear)
    async with taking(tmp_path / "calls", copies) as taken:
        assert await asked(copies.around(echo), b"x" * 200) == [b"", b"x" * 200, b"end"]
        await taken.until(1)
    (copied,) = taken.joined()
    assert (copied.unfit, copies.kept) == ("it was too large to be copied", 0)


async def test_an_app_that_fails_fails_as_before_and_is_told(tmp_path: Path) -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("broken")

    copies = Copies(front=True, hear=hear)
    async with taking(tmp_path / "calls", copies) as taken:
        try:
            await asked(copies.around(fails))
        except RuntimeError as error:
            assert str(error) == "broken"
        await taken.until(1)
    (copied,) = taken.joined()
    assert isinstance(copied.client.outcome, Response) and copied.client.outcome.failure is not None
