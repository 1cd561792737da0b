from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from harness.model import Reply, Request, header
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from sdk_proxy.session_manager import CookiesByOrigin, PersistentClients
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
async def test_a_cookie_comes_back_on_every_provider_path_and_never_reaches_the_client(name: str) -> None:
    path, body = PROVIDER_PATHS[name]
    async with SimulatedUpstream(improvise=sets_cookies(), gap=0) as upstream, client_of(upstream) as client:
        answers = [await client.post(path, json=body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
        assert not any("set-cookie" in answer.headers for answer in answers)
        assert cookies(upstream) == [None, CLEARANCE]


async def test_paths_that_lead_to_one_origin_share_its_cookies() -> None:
    async with SimulatedUpstream(improvise=sets_cookies(), gap=0) as upstream, client_of(upstream) as client:
        for path, body in PROVIDER_PATHS.values():
            await client.post(path, json=body)
        assert cookies(upstream) == [None] + [CLEARANCE] * (len(PROVIDER_PATHS) - 1)


async def test_a_challenge_is_met_once_and_passed_by_the_retry() -> None:
    answer = autoplay()

    def challenges(request: Request) -> Reply:
        if header(request.headers, "cookie") == CLEARANCE:
            return answer(request)
        return Reply(503, (("content-type", "text/html"), ("set-cookie", CLEARANCE)), b"Just a moment...")

    async with SimulatedUpstream(improvise=challenges, gap=0) as upstream, client_of(upstream) as client:
        answers = [await client.post(MESSAGES, json=message("claude-sonnet-5")) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert cookies(upstream) == [None, CLEARANCE, CLEARANCE]


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


@pytest.mark.parametrize(
    "url", ["https://api.example.com:8443/", "http://api.example.com/", "https://www.example.com/", "https://127.0.0.1"]
)
async def test_a_cookie_of_a_whole_domain_stays_at_the_origin_that_set_it(url: str) -> None:
    jar, home = CookiesByOrigin(), httpx.Request("POST", "https://api.example.com/v1/messages")
    await jar.keep(httpx.Response(200, headers={"set-cookie": "a=1; Domain=.example.com; Path=/"}, request=home))
    request, again = httpx.Request("POST", url), httpx.Request("POST", "https://api.example.com/v1/models")
    await jar.send(request)
    await jar.send(again)
    assert ("cookie" in request.headers, again.headers.get("cookie")) == (False, "a=1")


async def test_a_secure_cookie_is_not_sent_in_the_clear() -> None:
    jar, url = CookiesByOrigin(), "http://api.example.com/"
    await jar.keep(
        httpx.Response(200, headers={"set-cookie": "a=1; Secure"}, request=httpx.Request("GET", url)),
    )
    request = httpx.Request("GET", url)
    await jar.send(request)
    assert "cookie" not in request.headers


async def test_a_deployment_s_own_cookie_header_is_left_as_it_is() -> None:
    jar, url = CookiesByOrigin(), "https://api.example.com/"
    await jar.keep(httpx.Response(200, headers={"set-cookie": "a=1"}, request=httpx.Request("GET", url)))
    request = httpx.Request("GET", url, headers={"cookie": "own=2"})
    await jar.send(request)
    assert request.headers["cookie"] == "own=2"


async def test_a_client_is_still_there_after_the_hour_that_litellm_would_keep_it() -> None:
    now = [0.0]
    clients = PersistentClients()
    clients._clock = lambda: now[0]
    handler = AsyncHTTPHandler()
    clients.set_cache("a provider's", handler, litellm_owned_client=True, ttl=3600)
    now[0] = 7 * 24 * 3600.0
    assert clients.get_cache("a provider's") is handler
    await clients.aclose()
    assert handler._client.is_closed
