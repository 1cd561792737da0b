"""The real clients' own bytes, against a server on loopback."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import httpx
import pytest

from deploy import overhearing
from deploy.copying import CALL, Call, Copies
from deploy.overhearing import hear
from tests.waiting import PATIENCE

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"


@asynccontextmanager
async def provider(answer: bytes = ANSWER, closes: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Its address, and what it was sent, by connection."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(b"")
        mine = len(heard) - 1
        while data := await reader.read(65536):
            heard[mine] += data
            if heard[mine].endswith(b"}"):
                writer.write(answer)
                if closes:
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", heard


async def by_httpx(url: str, times: int) -> list[bytes]:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        return [(await client.post(url, json={"a": 1})).content for _ in range(times)]


async def by_aiohttp(url: str, times: int) -> list[bytes]:
    async with aiohttp.ClientSession() as client:
        found = []
        for _ in range(times):
            async with client.post(url, json={"a": 1}) as answer:
                found.append(await answer.read())
        return found


BOTH = pytest.mark.parametrize("ask", [by_httpx, by_aiohttp])
Ask = Callable[[str, int], Awaitable[list[bytes]]]


@asynccontextmanager
async def a_call(front: bool = False) -> AsyncIterator[Call]:
    hear()
    call = Call(Copies(front, hear), front, {})
    token = CALL.set(call)
    try:
        yield call
    finally:
        CALL.reset(token)


@BOTH
async def test_what_is_sent_and_got_is_kept_to_the_letter_call_by_call(ask: Ask) -> None:
    async with provider() as (url, heard), a_call() as call:
        assert await ask(url, 2) == [b"yes", b"yes"]
    assert [b"".join(data for _, data in made.got) for made in call.made] == [ANSWER, ANSWER]
    assert b"".join(b"".join(made.sent) for made in call.made) == b"".join(heard)
    assert [each.port > 0 for each in call.made] == [True, True]


@BOTH
async def test_an_end_that_the_other_side_made_is_told(ask: Ask) -> None:
    torn = ANSWER.replace(b"3", b"9")
    async with provider(torn, closes=True) as (url, _), a_call() as call:
        with pytest.raises((httpx.HTTPError, aiohttp.ClientError)):
            await ask(url, 1)
    assert [made.how for made in call.made] == ["closed"]


@BOTH
async def test_the_front_keeps_ports_and_no_bytes(ask: Ask) -> None:
    async with provider() as (url, _), a_call(front=True) as call:
        await ask(url, 1)
    assert [(made.port > 0, made.sent, call.kept) for made in call.made] == [(True, [], 0)]


@BOTH
async def test_a_call_of_nobodys_is_not_kept(ask: Ask) -> None:
    hear()
    async with provider() as (url, _):
        assert await ask(url, 1) == [b"yes"]


@BOTH
async def test_what_goes_wrong_in_listening_never_reaches_the_client(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    async with provider() as (url, _), a_call() as call:
        monkeypatch.setattr(Call, "makes", broken)
        assert await ask(url, 1) == [b"yes"]
        monkeypatch.undo()
        monkeypatch.setattr(Call, "keep", broken)
        assert await ask(url, 1) == [b"yes"]
        assert len(call.made) == 1


async def test_a_connection_that_is_older_is_not_used_again_and_its_call_is_not_heard() -> None:
    async with provider() as (url, heard), aiohttp.ClientSession() as client, a_call() as call:
        for unheard in (True, False):
            call.unheard = False
            if unheard:
                await (await client.post(url, json={"a": 1})).read()
                overhearing._young.clear()  # as it was before there was a shadow
                call.unheard = False
            await (await client.post(url, json={"a": 1})).read()
            assert call.unheard is unheard
        assert len(heard) == 2


def test_a_client_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpcore._backends.anyio", None)
    with pytest.raises(RuntimeError, match="can be heard"):
        overhearing.hear()
