"""Routes on the production port: real processes on real sockets, as in test_launcher."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.journal import Change
from deploy.routes import Routes, Users, read
from tests.deploy.test_launcher import CUTOVER, ROLLBACK, Running, plan, running
from tests.waiting import PATIENCE, until

USERS = Users(frozenset(), lambda headers: headers.get("x-user", ""))


def routes(*said: str) -> Routes:
    return read(said, USERS)


def told(*said: str) -> Change:
    return Change("route", "me", "binary", "binary", "a test", routes=said)


async def answer(one: Running, user: str) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        return (await client.get(one.url, headers={"x-user": user})).text.splitlines()[0]


async def test_each_request_finds_its_way_also_on_one_client(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        await client.get(one.url)
        await one.launcher.route(routes("user:alice=sdk"), told("user:alice=sdk"))
        last = await client.get(one.url, headers={"x-user": "alice"})
        assert (last.text.splitlines()[0], last.headers["connection"]) == ("binary-proxy", "close")
        found = [(await client.get(one.url, headers={"x-user": user})).text for user in ("alice", "bob", "alice")]
        assert found == ["sdk-proxy\nend", "binary-proxy\nend", "sdk-proxy\nend"]
        assert one.journal.routes() == ("user:alice=sdk",)


async def test_routes_come_and_go_under_clients_without_a_failed_request_or_a_cut_stream(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        seen: list[tuple[str, str]] = []
        stop = asyncio.Event()

        async def asks(user: str) -> None:
            while not stop.is_set():
                seen.append((user, await answer(one, user)))

        headers = {"until": str(tmp_path / "go on"), "x-user": "alice"}
        work = [asyncio.create_task(asks(user)) for user in ("alice", "bob", "alice")]
        await one.launcher.route(routes("user:alice=sdk"), told("user:alice=sdk"))
        stream = asyncio.create_task(client.get(one.url + "stream", headers=headers))
        await until(lambda: seen[-3:].count(("alice", "sdk-proxy")) > 0)
        await one.launcher.route(routes("sdk=100%"), told("sdk=100%"))
        await until(lambda: seen[-1] == ("bob", "sdk-proxy"))
        await one.launcher.move("sdk", CUTOVER)
        assert one.journal.routes() == one.launcher.routes.said == ()
        await one.launcher.route(routes("user:bob=binary"), told("user:bob=binary"))
        await until(lambda: seen[-1] == ("bob", "binary-proxy"))
        await one.launcher.move("binary", ROLLBACK)
        await until(lambda: seen[-1] == ("alice", "binary-proxy"))
        stop.set()
        (tmp_path / "go on").touch()
        await asyncio.gather(*work)
        assert (await stream).text == "sdk-proxy\nend"
        assert one.launcher.primary == "binary"


async def test_the_binary_proxy_answers_for_an_sdk_proxy_that_is_not_there(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        await one.launcher.route(routes("sdk=100%"), told("sdk=100%"))
        assert await answer(one, "alice") == "sdk-proxy"
        one.kill("sdk-proxy")
        assert {await answer(one, "alice") for _ in range(3)} <= {"sdk-proxy", "binary-proxy"}
        await until(lambda: one.launcher.ready("sdk"))
        assert await answer(one, "alice") == "sdk-proxy"
        assert one.launcher.routes.said == ("sdk=100%",)


async def test_an_sdk_proxy_that_dies_three_times_loses_its_routes(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        await one.launcher.route(routes("sdk=50%"), told("sdk=50%"))
        for _ in range(3):
            await until(lambda: one.launcher.ready("sdk"))
            one.kill("sdk-proxy")
            await until(lambda: not one.launcher.ready("sdk"))
        await until(lambda: not one.launcher.routes)
        assert (one.changes()[-1], one.journal.routes()) == (("rollback", "sdk", "binary"), ())
        assert await one.answer() == "binary-proxy"


async def test_a_head_may_come_in_pieces_and_a_connection_before_its_first_request(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        await one.launcher.route(routes("user:alice=sdk"), told("user:alice=sdk"))
        port = one.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await answer(one, "bob") == "binary-proxy"
        for piece in (b"GET / HTTP/1.1\r\nhost: x\r\nx-us", b"er: ali", b"ce\r\n\r\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)
        assert b"sdk-proxy" in await reader.read()
        writer.close()


async def test_a_client_that_leaves_without_a_word_costs_nothing(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        await one.launcher.route(routes("sdk=50%"), told("sdk=50%"))
        port, before = one.port, psutil.Process().num_fds()
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
        await until(lambda: psutil.Process().num_fds() <= before)
        assert await answer(one, "bob") in {"sdk-proxy", "binary-proxy"}


async def test_routes_that_cannot_be_written_down_do_not_hold(tmp_path: Path) -> None:
    async with running(plan(tmp_path), tmp_path) as one:
        one.journal.file.mkdir()
        with pytest.raises(OSError, match="journal"):
            await one.launcher.route(routes("sdk=100%"), told("sdk=100%"))
        assert (await answer(one, "alice"), one.launcher.routes.said) == ("binary-proxy", ())


async def test_a_start_with_routes_has_both(tmp_path: Path) -> None:
    async with running(replace(plan(tmp_path), routes=routes("user:alice=sdk")), tmp_path) as one:
        assert [await answer(one, user) for user in ("alice", "bob")] == ["sdk-proxy", "binary-proxy"]
        assert one.launcher.state()["routes"] == ("user:alice=sdk",)
