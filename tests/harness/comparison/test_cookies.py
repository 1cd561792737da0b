from harness.comparison.cookies import set_by, strayed
from harness.model import Effects, Exchange, Observation, Request, Response, Role


def observed(host, cookie=None, sets=()):
    headers = (("Host", host), *((("Cookie", cookie),) if cookie else ()))
    answer = Response(200, tuple(("Set-Cookie", value) for value in sets))
    call = Exchange(Request("POST", "/v1/messages", headers), answer, step=1)
    return Observation("a/b", "t", Role.BASELINE, (), (call,), Effects())


JAR = set_by([observed("127.0.0.1:4000", sets=["__cf_bm=x; Path=/; HttpOnly", "cf_clearance=y"])])


def test_the_jar_of_a_run_knows_which_host_set_which_cookie():
    assert {"__cf_bm=x": {"127.0.0.1"}, "cf_clearance=y": {"127.0.0.1"}} == JAR


def test_a_cookie_that_goes_back_to_its_host_has_not_strayed_whatever_the_port():
    assert strayed(observed("127.0.0.1:5000", "cf_clearance=y; __cf_bm=x"), JAR) == []


def test_a_cookie_that_goes_to_another_host_has_strayed():
    assert strayed(observed("localhost:4000", "__cf_bm=x"), JAR) == ["step 1: __cf_bm=x to localhost"]


def test_a_cookie_that_several_hosts_set_belongs_to_all_of_them():
    both = set_by([observed("one:1", sets=["a=b"]), observed("two:1", sets=["a=b"])])
    assert strayed(observed("two:1", "a=b"), both) == []


def test_a_cookie_that_no_provider_set_is_a_clients_and_has_strayed():
    assert strayed(observed("127.0.0.1:4000", "session=theirs"), JAR) == ["step 1: session=theirs to 127.0.0.1"]
