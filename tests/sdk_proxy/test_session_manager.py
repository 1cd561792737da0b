import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from harness.model import Reply, Request, header
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from harness.upstream.cloudflare import Cloudflare
from sdk_proxy.challenge import Origins
from sdk_proxy.cookie_jar import CookieStore
from sdk_proxy.session_manager import PersistentClients
from tests.sdk_proxy.sdk import NO_RETRIES, chat, client_of, message

CLEARANCE = "cf_clearance=passed"
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
PROVIDER_PATHS = {
    "openai chat": (CHAT, chat("gpt-5")),
    "openai chat, streamed": (CHAT, chat("gpt-5", stream=True)),
    "openai by messages": (MESSAGES, message("gpt-5")),
    "openai by messages, streamed": (MESSAGES, message("gpt-5", stream=True)),
    "anthropic chat": (CHAT, chat("claude-sonnet-5")),
    "anthropic chat, streamed": (CHAT, chat("claude-sonnet-5", stream=True)),
    "anthropic messages": (MESSAGES, message("claude-sonnet-5")),
    "anthropic messages, streamed": (MESSAGES, message("claude-sonnet-5", stream=True)),
    "anthropic count": (f"{MESSAGES}/count_tokens", message("claude-sonnet-5")),
    "gemini chat": (CHAT, chat("gemini-2.5-flash")),
    "gemini chat, streamed": (CHAT, chat("gemini-2.5-flash", stream=True)),
    "gemini by messages": (MESSAGES, message("gemini-2.5-flash")),
    "gemini by messages, streamed": (MESSAGES, message("gemini-2.5-flash", stream=True)),
}


def sets_cookies(cookie: str = f"{CLEARANCE}; path=/; HttpOnly") -> Callable[[Request], Reply]:
    answer = autoplay()

    def reply(request: Request) -> Reply:
        plain = answer(request)
        return replace(plain, headers=(*plain.headers, ("set-cookie", cookie)))

    return reply


def cookies(upstream: SimulatedUpstream) -> list[str | None]:
    return [header(exchange.request.headers, "cookie") for exchange in upstream.unscripted]


@pytest.mark.parametrize("name", PROVIDER_PATHS)
async def test_a_challenge_is_met_once_on_every_provider_path_and_no_client_hears_of_it(name: str) -> None:
    path, body = PROVIDER_PATHS[name]
    edge = Cloudflare(autoplay())
    async with (
        SimulatedUpstream(improvise=edge, gap=0) as upstream,
        client_of(upstream, router_settings=NO_RETRIES) as client,
    ):
        answers = [await client.post(path, json=body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
        assert not any("set-cookie" in name for answer in answers for name in answer.headers)
        first, *others = cookies(upstream)
    assert (first, len(others), all(others), edge.challenges.total()) == (None, 2, True, 1)


async def test_a_burst_over_all_paths_meets_one_challenge() -> None:
    edge = Cloudflare(autoplay())
    async with (
        SimulatedUpstream(improvise=edge, gap=0) as upstream,
        client_of(upstream, router_settings=NO_RETRIES) as client,
    ):
        posts = (client.post(path, json=body) for path, body in PROVIDER_PATHS.values())
        assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
    assert edge.challenges.total() == 1


async def test_paths_that_lead_to_one_origin_share_its_cookies() -> None:
    async with SimulatedUpstream(improvise=sets_cookies(), gap=0) as upstream, client_of(upstream) as client:
        for path, body in PROVIDER_PATHS.values():
            await client.post(path, json=body)
        assert cookies(upstream) == [None] + [CLEARANCE] * (len(PROVIDER_PATHS) - 1)


async def test_no_cookie_reaches_another_origin() -> None:
    async with (
        SimulatedUpstream(improvise=sets_cookies(), gap=0) as upstream,
        SimulatedUpstream(improvise=autoplay(), gap=0) as other,
        client_of(upstream, {"OPENAI_API_BASE": f"{other.url}/openai/v1"}, router_settings=NO_RETRIES) as client,
    ):
        await client.post(CHAT, json=chat("claude-sonnet-5"))
        await client.post(CHAT, json=chat("gpt-5"))
        assert cookies(other) == [None]


async def test_a_name_in_place_of_an_address_keeps_its_cookies_as_well() -> None:
    async with SimulatedUpstream(improvise=sets_cookies(), gap=0) as upstream:
        base = upstream.url.replace("127.0.0.1", "localhost")
        async with client_of(upstream, {"ANTHROPIC_API_BASE": f"{base}/anthropic"}) as client:
            for _ in range(2):
                await client.post(MESSAGES, json=message("claude-sonnet-5"))
        assert cookies(upstream) == [None, CLEARANCE]


async def test_a_client_s_own_cookie_goes_nowhere() -> None:
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        await client.post(MESSAGES, json=message("claude-sonnet-5"), headers={"cookie": "of=the-client"})
        assert cookies(upstream) == [None]


async def test_a_client_is_still_there_after_the_hour_that_litellm_would_keep_it() -> None:
    now = [0.0]
    clients = PersistentClients(Origins(CookieStore()))
    clients._clock = lambda: now[0]
    handler = AsyncHTTPHandler()
    clients.set_cache("a provider's", handler, litellm_owned_client=True, ttl=3600)
    now[0] = 7 * 24 * 3600.0
    assert clients.get_cache("a provider's") is handler
    await clients.aclose()
    assert handler._client.is_closed
