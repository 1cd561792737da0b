import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from harness.model import header
from harness.replay.ports import free_port
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from harness.upstream.cloudflare import Cloudflare
from sdk_proxy.cookie_jar import StoredCookie
from sdk_proxy.cookie_redis import CookieRedis
from tests.sdk_proxy.debian import nginx, redis_server, sdk_proxy
from tests.sdk_proxy.sdk import KEY, chat, environment, message
from tests.sdk_proxy.test_challenge import CALL, client
from tests.waiting import PATIENCE

ORIGIN, OTHER = "https://api.example.com", "https://api.example.com:8443"


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with redis_server(tmp_path) as address:
        yield address


def cookie(name: str, expires: int | None = None) -> StoredCookie:
    return StoredCookie(name=name, value="canary", domain="api.example.com", expires=expires)


async def test_what_one_replica_wrote_another_reads_for_the_same_origin_only(url: str) -> None:
    one, other = CookieRedis(url), CookieRedis(url)
    await one.write(ORIGIN, {"a": cookie("a"), "b": cookie("b"), "old": cookie("old", expires=1)})
    await other.write(ORIGIN, {"b": None})
    assert await other.read(ORIGIN) == {cookie("a").key: cookie("a")}
    assert await other.read(OTHER) == {}
    await one.aclose()
    await other.aclose()


async def test_one_replica_at_a_time_is_first_at_an_origin(url: str) -> None:
    replicas, order = [CookieRedis(url) for _ in range(3)], list[str]()

    async def turn(replica: CookieRedis) -> None:
        async with replica.first(ORIGIN):
            order.append("in")
            await asyncio.sleep(0)
            order.append("out")
        await replica.aclose()

    await asyncio.gather(*map(turn, replicas))
    assert order == ["in", "out"] * 3


async def test_a_turn_that_took_longer_than_its_lock_lives_is_no_failure_of_redis(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sdk_proxy.cookie_redis._LOCK", 0.05)
    replica = CookieRedis(url)
    async with replica.first(ORIGIN):  # the first answer may be a whole one, which takes a minute
        await asyncio.sleep(0.1)
    await replica.write(ORIGIN, {"a": cookie("a")})
    assert await replica.read(ORIGIN) == {cookie("a").key: cookie("a")}
    assert "Redis fails" not in caplog.text
    await replica.aclose()


async def test_replicas_with_one_redis_meet_one_challenge_together_and_none_after_a_restart(url: str) -> None:
    edge = Cloudflare(autoplay())
    async with SimulatedUpstream(improvise=edge, gap=0) as upstream:
        for _ in range(2):
            async with client(CookieRedis(url)) as one, client(CookieRedis(url)) as other:
                posts = (each.post(f"{upstream.url}/v1/messages", json=CALL) for each in (one, other) * 15)
                assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
    assert (edge.challenges.total(), edge.strange) == (1, [])


async def test_without_redis_requests_go_on_with_one_warning_that_tells_no_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    edge, nobody = Cloudflare(autoplay()), f"redis://:canary@127.0.0.1:{free_port()}/0"
    with caplog.at_level(logging.INFO):
        async with SimulatedUpstream(improvise=edge, gap=0) as upstream, client(CookieRedis(nobody)) as calls:
            posts = (calls.post(f"{upstream.url}/v1/messages", json=CALL) for _ in range(10))
            assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
    warnings = [record.getMessage() for record in caplog.records if record.name == "sdk_proxy.cookies"]
    assert warnings == ["Redis fails (ConnectionError): cookies are kept in memory only"]
    assert "canary" not in caplog.text


@pytest.mark.parametrize("value", ["no cookie", b"\xff"])
async def test_a_value_in_redis_that_is_no_cookie_is_left_out(url: str, value: str | bytes) -> None:
    replica = CookieRedis(url)
    await replica._redis.hset(f"sdk_proxy:cookies:{ORIGIN}", "a", value)
    assert await replica.read(ORIGIN) == {}
    await replica.aclose()


async def test_two_replicas_behind_nginx_with_one_redis_meet_one_challenge_together(url: str, tmp_path: Path) -> None:
    edge = Cloudflare(autoplay())
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(SimulatedUpstream(improvise=edge, gap=0))
        other = await stack.enter_async_context(SimulatedUpstream(improvise=autoplay(), gap=0))
        env = {**environment(upstream.url), "PATH": os.environ["PATH"], "COOKIE_JAR": url}
        env["GEMINI_API_BASE"] = f"{other.url}/gemini"
        started = [sdk_proxy(tmp_path, env) for _ in range(2)]
        replicas = await asyncio.gather(*(stack.enter_async_context(each) for each in started))
        gateway = await stack.enter_async_context(nginx(tmp_path, replicas))
        posts = await stack.enter_async_context(
            httpx.AsyncClient(base_url=gateway, headers={"authorization": f"Bearer {KEY}"}, timeout=PATIENCE)
        )
        for _ in replicas:  # LiteLLM's first call takes seconds of imports
            await posts.post("/v1/chat/completions", json=chat("gemini-2.5-flash"))
        sent = [("/v1/messages", message("claude-sonnet-5", stream)) for stream in (True, False)]
        sent.append(("/v1/chat/completions", chat("gpt-5")))
        answers = await asyncio.gather(*(posts.post(path, json=body) for path, body in sent * 4))
    assert [answer.status_code for answer in answers] == [200] * 12
    assert (edge.challenges.total(), edge.strange) == (1, [])
    logs = [file.read_text() for file in tmp_path.glob("sdk-proxy-*.log")]
    headers = [header(exchange.request.headers, "cookie") or "" for exchange in upstream.unscripted]
    values = {pair.partition("=")[2] for pairs in headers if pairs for pair in pairs.split("; ")}
    assert ["/messages" in log for log in logs] == [True, True]
    assert values
    assert not any(value in log for log in logs for value in values)
