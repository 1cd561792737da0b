import httpx
import pytest

from sdk_proxy.challenge import Origins
from sdk_proxy.cookie_jar import CookieStore, Jar, StoredCookie

HOME = "https://api.example.com/v1/messages"


def response(cookie: str, url: str = HOME) -> httpx.Response:
    return httpx.Response(200, headers={"set-cookie": cookie}, request=httpx.Request("POST", url))


def sent(jar: Jar, url: str = HOME) -> str | None:
    return jar.header_for(httpx.Request("POST", url))


@pytest.mark.parametrize(
    "url", ["https://api.example.com:8443/", "http://api.example.com/", "https://www.example.com/", "https://127.0.0.1"]
)
async def test_a_cookie_of_a_whole_domain_stays_at_the_origin_that_set_it(url: str) -> None:
    origins = Origins(CookieStore())
    origins.of(httpx.URL(HOME)).keep(response("a=1; Domain=.example.com; Path=/"))
    request, again = httpx.Request("POST", url), httpx.Request("POST", "https://api.example.com/v1/models")
    assert origins.of(request.url).header_for(request) is None
    assert origins.of(again.url).header_for(again) == "a=1"
    await origins.aclose()


def test_a_secure_cookie_is_not_sent_in_the_clear() -> None:
    jar, url = Jar(), "http://api.example.com/"
    jar.take(response("a=1; Secure", url))
    assert sent(jar, url) is None


def test_only_what_changed_is_news() -> None:
    jar = Jar()
    (key,) = jar.take(response("a=1; Path=/; Max-Age=3600"))
    assert jar.take(response("a=1; Path=/; Max-Age=3600")) == {}
    assert [*jar.take(response("a=1; Path=/; Max-Age=7200"))] == [key]
    assert [*jar.take(response("a=2; Path=/; Max-Age=7200"))] == [key]
    assert jar.take(response("a=; Path=/; Max-Age=0")) == {key: None}


def test_a_cookie_that_was_written_down_is_sent_as_before() -> None:
    one, other = Jar(), Jar()
    one.take(response("a=1; Domain=.example.com; Path=/; Max-Age=3600; Secure; HttpOnly"))
    one.take(response("b=2; Path=/v1"))
    one.take(response("c"))
    other.put({key: StoredCookie(**cookie.model_dump()) for key, cookie in one.cookies().items()})
    assert sent(other) is not None
    assert sent(other) == sent(one)


def test_a_cookie_that_ended_is_not_taken_up() -> None:
    jar = Jar()
    jar.put({"a": StoredCookie(name="a", value="1", domain="api.example.com", expires=1)})
    assert (sent(jar), jar.cookies()) == (None, {})


def test_a_cookie_does_not_show_its_value() -> None:
    assert "canary" not in repr(StoredCookie(name="a", value="canary", domain="api.example.com"))
