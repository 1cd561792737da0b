from harness.model import Reply, Request
from harness.upstream.cloudflare import Cloudflare, set_cookies

ORIGIN, OTHER = "127.0.0.1:8001", "localhost:8001"


def behind(_: Request) -> Reply:
    return Reply(200, (), b"{}")


def request(*cookies: str, host: str = ORIGIN) -> Request:
    sent = (("cookie", "; ".join(cookies)),) if cookies else ()
    return Request("POST", "/v1/messages", (("host", host), *sent))


def test_a_call_without_clearance_meets_a_challenge_that_sets_two_cookies() -> None:
    edge = Cloudflare(behind)
    reply = edge(request())
    names = [cookie.partition("=")[0] for cookie in set_cookies(reply.headers)]
    assert (reply.status, dict(reply.headers)["cf-mitigated"], names) == (503, "challenge", ["cf_clearance", "__cf_bm"])
    assert b"1200" in reply.body
    assert edge.challenges == {ORIGIN: 1}


def test_a_call_with_the_cookies_that_the_challenge_set_gets_through() -> None:
    edge = Cloudflare(behind)
    cookies = set_cookies(edge(request()).headers)
    assert edge(request(*cookies)) == Reply(200, (), b"{}")
    assert (edge.challenges, edge.strange) == ({ORIGIN: 1}, [])


def test_an_answer_to_a_call_without_the_short_lived_cookie_sets_it_again() -> None:
    edge = Cloudflare(behind)
    clearance, _ = set_cookies(edge(request()).headers)
    assert [cookie.partition("=")[0] for cookie in set_cookies(edge(request(clearance)).headers)] == ["__cf_bm"]


def test_a_clearance_of_another_origin_is_none_and_is_told() -> None:
    edge = Cloudflare(behind)
    clearance, _ = set_cookies(edge(request()).headers)
    assert edge(request(clearance, host=OTHER)).status == 503
    assert (edge.challenges, edge.strange) == ({ORIGIN: 1, OTHER: 1}, [clearance])


def test_a_revoked_clearance_meets_a_new_challenge() -> None:
    edge = Cloudflare(behind)
    cookies = set_cookies(edge(request()).headers)
    edge.revoke()
    again = edge(request(*cookies))
    assert (again.status, edge(request(*set_cookies(again.headers))).status) == (503, 200)
