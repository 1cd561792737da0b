"""Calls through the transport, over real sockets, to an upstream behind Cloudflare."""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from harness.model import Reply, Request, header
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from harness.upstream.cloudflare import Cloudflare
from sdk_proxy import challenge
from sdk_proxy.challenge import Origin, Origins, PassesChallenges, is_challenge
from sdk_proxy.cookie_file import CookieFile
from sdk_proxy.cookie_jar import Changes, Cookies, CookieStore, Jar, StoredCookie
from sdk_proxy.tap import exchange
from tests.waiting import PATIENCE

GET = httpx.Request("GET", "http://upstream/")
CALL = {"model": "m", "messages": []}


@asynccontextmanager
async def client(store: CookieStore | None = None, patience: float = PATIENCE) -> AsyncIterator[httpx.AsyncClient]:
    origins = Origins(store or CookieStore(), patience)
    async with httpx.AsyncClient(
        transport=PassesChallenges(httpx.AsyncHTTPTransport(), origins), timeout=PATIENCE
    ) as made:
        yield made
    await origins.aclose()


@asynccontextmanager
async def upstream(policy: Any) -> AsyncIterator[SimulatedUpstream]:
    async with SimulatedUpstream(improvise=policy, gap=0) as simulated:
        yield simulated


def sent_cookies(simulated: SimulatedUpstream) -> list[str | None]:
    return [header(exchange.request.headers, "cookie") for exchange in simulated.unscripted]


async def test_a_challenged_call_is_sent_again_with_the_same_body_and_nobody_hears_of_it() -> None:
    edge = Cloudflare(autoplay())
    async with upstream(edge) as simulated, client() as calls:
        answer = await calls.post(f"{simulated.url}/v1/messages", json=CALL)
        bodies = [exchange.request.body for exchange in simulated.unscripted]
    assert (answer.status_code, "set-cookie" in answer.headers, "cookie" in answer.request.headers) == (
        200,
        False,
        False,
    )
    assert (len(bodies), bodies[0]) == (2, bodies[1])
    assert edge.challenges.total() == 1


async def test_fifty_calls_at_once_meet_one_challenge_together() -> None:
    edge = Cloudflare(autoplay())
    async with upstream(edge) as simulated, client() as calls:
        answers = await asyncio.gather(*(calls.post(f"{simulated.url}/v1/messages", json=CALL) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert (edge.challenges.total(), edge.strange) == (1, [])


async def test_a_challenge_that_stays_is_given_back_after_one_more_call() -> None:
    def always(_: Request) -> Reply:
        return Cloudflare(autoplay())(Request("POST", "/v1/messages", ()))

    async with upstream(always) as simulated, client() as calls:
        answer = await calls.post(f"{simulated.url}/v1/messages", json=CALL)
        assert (answer.status_code, len(simulated.unscripted)) == (503, 1 + 1)


async def test_a_request_answers_one_challenge_of_an_origin_however_often_it_is_tried() -> None:
    numbers = itertools.count()

    def always(_: Request) -> Reply:
        cookie = f"{challenge.CLEARANCE}=number-{next(numbers)}; Path=/; Max-Age=60"
        return Reply(503, (("cf-mitigated", "challenge"), ("set-cookie", cookie)), b"Just a moment...")

    async with upstream(always) as simulated, client() as calls:
        exchange()
        for _ in range(3):
            await calls.post(f"{simulated.url}/v1/messages", json=CALL)
        sent = sent_cookies(simulated)
        exchange()
        await calls.post(f"{simulated.url}/v1/messages", json=CALL)
        assert len(simulated.unscripted) == len(sent) + 2
    assert sent == [None, *(f"{challenge.CLEARANCE}=number-{number}" for number in range(3))]


async def test_a_challenge_that_sets_nothing_is_given_back_as_it_is() -> None:
    def bare(_: Request) -> Reply:
        return Reply(403, (("cf-mitigated", "challenge"),), b"Just a moment...")

    async with upstream(bare) as simulated, client() as calls:
        answer = await calls.post(f"{simulated.url}/v1/messages", json=CALL)
        assert (answer.status_code, answer.content, len(simulated.unscripted)) == (403, b"Just a moment...", 1)


async def test_a_body_that_can_be_read_only_once_is_not_sent_again() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"{}"

    async with upstream(Cloudflare(autoplay())) as simulated, client() as calls:
        answer = await calls.post(f"{simulated.url}/v1/messages", content=parts())
        again = await calls.post(f"{simulated.url}/v1/messages", content=parts())
    assert (answer.status_code, again.status_code) == (503, 200)


async def test_when_the_first_call_is_cancelled_the_next_takes_its_place() -> None:
    edge, held = Cloudflare(autoplay()), asyncio.Event()

    async with upstream(edge) as simulated:

        class Holding(httpx.AsyncHTTPTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                if not held.is_set():
                    held.set()
                    await asyncio.Event().wait()
                return await super().handle_async_request(request)

        transport = PassesChallenges(Holding(), Origins(CookieStore(), patience=PATIENCE))
        async with httpx.AsyncClient(transport=transport, timeout=PATIENCE) as calls:
            first = asyncio.create_task(calls.post(f"{simulated.url}/v1/messages", json=CALL))
            await held.wait()
            rest = [asyncio.create_task(calls.post(f"{simulated.url}/v1/messages", json=CALL)) for _ in range(5)]
            first.cancel()
            assert {answer.status_code for answer in await asyncio.gather(*rest)} == {200}
    assert edge.challenges.total() == 1


async def test_when_the_first_call_fails_the_others_are_not_held() -> None:
    async with upstream(autoplay()) as simulated:
        gone = simulated.url
    async with client() as calls:
        results = await asyncio.gather(*(calls.get(gone) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, httpx.ConnectError) for result in results)


async def test_an_answer_that_is_long_in_coming_does_not_hold_the_others_for_ever() -> None:
    release = asyncio.Event()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/slow":
                await release.wait()
            return httpx.Response(200)

    transport = PassesChallenges(Slow(), Origins(CookieStore(), patience=0.05))
    async with httpx.AsyncClient(transport=transport, timeout=PATIENCE) as calls:
        slow = asyncio.create_task(calls.get("http://upstream/slow"))
        await asyncio.sleep(0)
        assert (await calls.get("http://upstream/quick")).status_code == 200
        assert not slow.done()
        release.set()
        await slow


async def test_time_in_which_the_loop_hears_no_answer_does_not_count() -> None:
    release, order = asyncio.Event(), list[str]()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/slow":
                await release.wait()
            order.append(request.url.path)
            return httpx.Response(200)

    transport = PassesChallenges(Slow(), Origins(CookieStore(), patience=0.2))
    async with httpx.AsyncClient(transport=transport, timeout=PATIENCE) as calls:
        slow = asyncio.create_task(calls.get("http://upstream/slow"))
        await asyncio.sleep(0)
        quick = asyncio.create_task(calls.get("http://upstream/quick"))
        await asyncio.sleep(0)
        time.sleep(0.5)
        release.set()
        await asyncio.gather(slow, quick)
    assert order == ["/slow", "/quick"]


async def test_once_an_upstream_has_answered_calls_go_together() -> None:
    together = asyncio.Barrier(3)

    class Meeting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/meet":
                await together.wait()
            return httpx.Response(200)

    transport = PassesChallenges(Meeting(), Origins(CookieStore(), patience=PATIENCE))
    async with httpx.AsyncClient(transport=transport, timeout=PATIENCE) as calls, asyncio.timeout(PATIENCE):
        await calls.get("http://upstream/first")
        await asyncio.gather(*(calls.get("http://upstream/meet") for _ in range(3)))


async def test_each_origin_has_its_own_challenge_and_sees_no_other_s_cookie() -> None:
    edge = Cloudflare(autoplay())
    async with upstream(edge) as one, upstream(edge) as other, client() as calls:
        for url in (one.url, other.url, one.url.replace("127.0.0.1", "localhost")) * 2:
            assert (await calls.post(f"{url}/v1/messages", json=CALL)).status_code == 200
    assert (sorted(edge.challenges.values()), edge.strange) == ([1, 1, 1], [])


async def test_a_clearance_that_ended_is_asked_for_once_by_all() -> None:
    edge = Cloudflare(autoplay(), seconds=1)
    async with upstream(edge) as simulated, client() as calls, asyncio.timeout(PATIENCE):
        await calls.post(f"{simulated.url}/v1/messages", json=CALL)
        edge.seconds = 3600
        while edge.challenges.total() == 1:
            await asyncio.gather(*(calls.post(f"{simulated.url}/v1/messages", json=CALL) for _ in range(10)))
    assert edge.challenges.total() == 2


async def test_calls_at_the_very_end_of_a_clearance_go_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some would be let pass, and leave without it a moment later: each of these would meet a challenge."""
    edge, now = Cloudflare(autoplay()), int(time.time())
    clock = SimpleNamespace(time=lambda: now, gmtime=time.gmtime)
    monkeypatch.setattr("http.cookiejar.time", clock)
    monkeypatch.setattr("sdk_proxy.cookie_jar.time", clock)
    async with upstream(edge) as simulated, client() as calls:
        await calls.post(f"{simulated.url}/v1/messages", json=CALL)
        now += edge.seconds
        asked = itertools.chain([now - 0.001] * 5, itertools.repeat(now))
        monkeypatch.setattr("sdk_proxy.challenge.time", SimpleNamespace(time=lambda: next(asked)))
        await asyncio.gather(*(calls.post(f"{simulated.url}/v1/messages", json=CALL) for _ in range(10)))
    assert edge.challenges.total() == 2


@pytest.mark.parametrize("value", ["café".encode(), "✓".encode(), b"caf\xe9"])
async def test_a_cookie_is_sent_with_the_very_bytes_that_set_it(value: bytes, tmp_path: Path) -> None:
    sent = list[bytes]()

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(dict(request.headers.raw).get(b"cookie", b""))
        return httpx.Response(200, headers=[(b"set-cookie", b"a=" + value)])

    for _ in range(2):
        origins = Origins(CookieFile(tmp_path / "cookies.json"))
        async with httpx.AsyncClient(transport=PassesChallenges(httpx.MockTransport(answer), origins)) as calls:
            for _ in range(2):
                await calls.get("http://upstream/")
        await origins.aclose()
    assert sent == [b"", *[b"a=" + value] * 3]


async def test_what_is_read_is_no_older_than_what_this_worker_has_yet_to_write() -> None:
    writing, written = asyncio.Event(), list[Changes]()

    class Slow(CookieStore):
        def version(self) -> object:
            return object()  # another worker writes all the time

        async def read(self, origin: str) -> Cookies:
            return {key: each for key, each in stored.items() if each is not None}

        async def write(self, origin: str, changes: Changes) -> None:
            written.append(changes)
            await writing.wait()

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("cookie"))
        return httpx.Response(200, headers=[("set-cookie", each) for each in sets.pop(0)])

    sent, sets, origins = list[str | None](), [["a=1", "b=1"], ["b=; Max-Age=0"], []], Origins(Slow())
    stored = Jar().take(httpx.Response(200, headers=[("set-cookie", each) for each in ("a=0", "b=0")], request=GET))
    async with httpx.AsyncClient(transport=PassesChallenges(httpx.MockTransport(answer), origins)) as calls:
        while sets:
            await calls.get("http://upstream/")
            await asyncio.sleep(0)
        writing.set()
        await origins.aclose()
    assert (sent[1:], len(written)) == (["a=1; b=1", "a=1"], 2)


@pytest.mark.parametrize("looks", range(8))
async def test_a_clearance_that_ends_while_it_is_read_lets_no_calls_go_together(
    looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stored(CookieStore):
        async def read(self, origin: str) -> Cookies:
            return {"key": StoredCookie(name="cf_clearance", value="a", domain="upstream.local", expires=1000)}

    times, turns = itertools.chain([999.0] * looks, itertools.repeat(1000.0)), list[int]()
    monkeypatch.setattr("sdk_proxy.cookie_jar.time", SimpleNamespace(time=lambda: next(times)))
    monkeypatch.setattr("sdk_proxy.challenge.time", SimpleNamespace(time=lambda: 1000.0))
    origin = Origins(Stored(), patience=PATIENCE).of(httpx.URL("http://upstream"))

    async def call() -> None:
        async with origin.turn():
            turns.append(len(turns))
            await asyncio.Event().wait()

    calls = [asyncio.create_task(call()) for _ in range(3)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert turns == [0]
    for each in calls:
        each.cancel()
    await asyncio.wait(calls)


async def test_after_a_restart_no_challenge_is_met_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    edge, jar = Cloudflare(autoplay()), tmp_path / "state" / "cookies.json"
    async with upstream(edge) as simulated:
        for _ in range(2):
            async with client(CookieFile(jar)) as calls:
                posts = (calls.post(f"{simulated.url}/v1/messages", json=CALL) for _ in range(5))
                assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
        value = (sent_cookies(simulated)[-1] or "").partition("=")[2].partition(";")[0]
    assert edge.challenges.total() == 1
    assert (len(value), value in caplog.text, oct(jar.stat().st_mode)[-3:]) == (43, False, "600")


async def test_two_workers_with_one_jar_meet_one_challenge_together(tmp_path: Path) -> None:
    edge, jar = Cloudflare(autoplay()), tmp_path / "cookies.json"
    async with upstream(edge) as simulated, client(CookieFile(jar)) as one, client(CookieFile(jar)) as other:
        posts = [each.post(f"{simulated.url}/v1/messages", json=CALL) for each in (one, other) for _ in range(20)]
        assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
    assert edge.challenges.total() == 1


async def test_a_worker_learns_of_a_clearance_that_another_one_got_meanwhile(tmp_path: Path) -> None:
    edge, jar = Cloudflare(autoplay()), tmp_path / "cookies.json"
    async with upstream(edge) as simulated, client(CookieFile(jar)) as one, client(CookieFile(jar)) as other:
        for each in (one, other):
            await each.post(f"{simulated.url}/v1/messages", json=CALL)
        edge.revoke()
        for each in (one, other):
            await each.post(f"{simulated.url}/v1/messages", json=CALL)
    assert edge.challenges.total() == 2


async def test_what_others_stored_is_looked_for_at_most_twenty_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, now = list[float](), [100.0]

    class Counting(CookieStore):
        def version(self) -> object:
            looks.append(now[0])
            return len(looks)

    monkeypatch.setattr(challenge, "time", SimpleNamespace(time=time.time, monotonic=lambda: now[0]))
    origin = Origin("http://upstream", Counting(), 60)
    seen = []
    for now[0] in (100.0, 100.01, 100.049, 100.06, 100.1, 100.12):
        seen.append(origin._has_changed())
    assert seen == [True, False, False, True, False, True] and looks == [100.0, 100.06, 100.12]


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (403, {"cf-mitigated": "challenge"}, True),
        (503, {"set-cookie": "cf_clearance=a; Path=/"}, True),
        (503, {"server": "cloudflare", "set-cookie": "__cf_bm=a"}, True),
        (403, {"server": "cloudflare", "set-cookie": "__cf_bm=a"}, False),
        (503, {"server": "cloudflare"}, False),
        (200, {"set-cookie": "cf_clearance=a"}, False),
        (429, {}, False),
    ],
)
def test_what_a_challenge_is(status: int, headers: dict[str, str], expected: bool) -> None:
    assert is_challenge(httpx.Response(status, headers=headers)) is expected
