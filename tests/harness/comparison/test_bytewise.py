"""What two runs of one gateway may differ in, and what not."""

from dataclasses import replace

import pytest

from harness.comparison.bytewise import compare_bytes
from harness.model import Chunk, Effects, Exchange, Failure, Observation, Reply, Request, Response, Role, Scenario, Step

REQUEST = Request("POST", "/v1/messages", (("x-own", "b7ad6b71-6920-4333-8000-000000000009"),), b'{"a":1}')
SCENARIO = Scenario("a/b", "a", "b", "scripted", (), (Step(REQUEST, (Reply(body=b'{"created": 1760000000}'),)),))
ONE, OTHER = "0af76519-16cd-43dd-8448-eb211c80319c", "11111111-16cd-43dd-8448-eb211c80319c"


def seen(body=b"{}", headers=(), upstream=REQUEST, effects=None, failure=None):
    response = Response(200, headers, (Chunk(0.0, body),), failure, "kept")
    client = (Exchange(REQUEST, response),)
    calls = (Exchange(upstream, Response(200)),)
    return Observation("a/b", "t", Role.CANDIDATE, client, calls, effects or Effects(calls=(1,)))


def paths(one, other):
    return [each.path for each in compare_bytes(SCENARIO, one, other)]


def test_equal_bytes_are_equal():
    assert paths(seen(), seen()) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"id":"chatcmpl-%b"}' % ONE.encode(), b'{"id":"chatcmpl-%b"}' % OTHER.encode()),
        (b'{"created":%d}', b'{"created":%d}'),
        (b"Tue, 01 Dec 2026 01:33:52 GMT", b"Tue, 01 Dec 2026 01:33:53 GMT"),
        (b"<object at 0x7f3a5c001230>", b"<object at 0x7f3a5c009990>"),
    ],
    ids=["id", "time", "date", "address"],
)
def test_what_a_run_makes_up_may_differ(one, other, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_796_000_000.0)
    if b"%d" in one:
        one, other = one % 1_796_000_000, other % 1_796_000_003
    assert paths(seen(one), seen(other)) == []


def test_one_id_for_two_is_a_difference():
    both = f"{ONE} {OTHER}".encode()
    assert paths(seen(both), seen(f"{ONE} {ONE}".encode())) == ["/client/0/response/body"]


def test_an_id_of_the_client_is_not_made_up():
    given = b"b7ad6b71-6920-4333-8000-000000000009"
    assert paths(seen(given), seen(ONE.encode())) == ["/client/0/response/body"]


def test_a_time_of_the_upstream_is_not_made_up(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_760_000_100.0)
    assert paths(seen(b'{"created": 1760000000}'), seen(b'{"created": 1760000001}')) == ["/client/0/response/body"]


def test_durations_may_differ_and_other_headers_may_not():
    took = ("x-litellm-response-duration-ms", "1.25")
    assert paths(seen(headers=(took,)), seen(headers=((took[0], "2.5"),))) == []
    assert paths(seen(headers=(took,)), seen(headers=((took[0], "soon"),))) == ["/client/0/response/headers"]
    assert paths(seen(headers=(("a", "1"),)), seen(headers=(("A", "1"),))) == ["/client/0/response/headers"]
    pair = (("a", "1"), ("b", "2"))
    assert paths(seen(headers=pair), seen(headers=pair[::-1])) == ["/client/0/response/headers"]


def test_the_spelling_of_json_is_compared():
    assert paths(seen(b'{"a":1}'), seen(b'{"a": 1}')) == ["/client/0/response/body"]
    other = replace(REQUEST, body=b'{"a":1.0}')
    assert paths(seen(), seen(upstream=other)) == ["/upstream/0/request/body"]


def test_a_call_more_and_its_side_effects_are_differences():
    twice = replace(seen(), upstream=seen().upstream * 2, effects=Effects(calls=(2,)))
    assert "/effects/calls" in paths(seen(), twice)
    assert "/upstream/1/request/line" in paths(seen(), twice)


def test_how_an_answer_ended_is_compared():
    assert paths(seen(), seen(failure=Failure("cut", "reset"))) == ["/client/0/failure/kind"]


def test_the_address_of_the_upstream_may_differ():
    one, other = (replace(REQUEST, headers=(("host", f"127.0.0.1:{port}"),)) for port in (1, 2))
    assert paths(seen(upstream=one), seen(upstream=other)) == []


def test_where_a_ping_stands_is_chance_and_that_it_is_there_is_not():
    ping, start = b'event: ping\ndata: {"type":"ping"}\n\n', b'event: message_start\ndata: {"type":"message_start"}\n\n'
    assert paths(seen(ping + start), seen(start + ping)) == []
    assert paths(seen(ping + start), seen(start)) == ["/client/0/response/pings"]


def test_the_costs_of_a_call_are_compared_unless_it_was_tried_again():
    cost, once, twice = ("x-litellm-response-cost", "0.1"), ("x-litellm-attempted-retries", "0"), "1"
    assert paths(seen(headers=(once, cost)), seen(headers=(once,))) == ["/client/0/response/headers"]
    again = ((once[0], twice),)
    assert paths(seen(headers=(*again, cost)), seen(headers=again)) == []
