import gzip
import json

import pytest

from harness.comparison.tree import tree
from harness.model import Chunk, Effects, Exchange, Failure, Observation, Request, Response, Role

ASKED = Request("POST", "/v1/messages")


def observed(*client, upstream=(), effects=Effects()):
    return tree(Observation("s", "t", Role.BASELINE, client, upstream, effects))


def answered(headers=(), body=b"", status=200, failure=None, request=ASKED):
    response = Response(status, headers, (Chunk(0.1, body),) if body else (), failure)
    return observed(Exchange(request, response))["client"]["0"]


def test_header_names_are_lower_case_and_repeated_ones_are_lists_in_wire_order():
    seen = answered((("X-A", "1"), ("Set-Cookie", "b=2"), ("set-cookie", "a=1")))
    assert seen["response"]["headers"] == {"x-a": "1", "set-cookie": ["b=2", "a=1"]}


@pytest.mark.parametrize(
    ("headers", "method", "transfer"),
    [
        ((("Content-Length", "3"),), "POST", "length"),
        ((("content-length", "4"),), "POST", "length, not the body's"),
        ((("content-length", "4"),), "HEAD", "length"),
        ((("transfer-encoding", "Chunked"),), "POST", "chunked"),
        ((("transfer-encoding", "chunked"), ("content-length", "3")), "POST", "length, and chunked"),
        ((), "POST", "none"),
    ],
)
def test_a_content_length_is_judged_against_the_body(headers, method, transfer):
    seen = answered(headers, b"abc", request=Request(method, "/"))["response"]
    assert seen["transfer"] == transfer
    assert seen["headers"] == {}


def test_a_body_is_read_through_its_content_encoding():
    body = json.dumps({"a": [1]}).encode()
    assert answered((("Content-Encoding", "gzip"),), gzip.compress(body))["response"]["body"] == {"a": [1]}
    assert answered((("Content-Encoding", "br"),), b"\x00")["response"]["body"] == "br, not decoded: base64:AA=="


def test_no_body_is_no_key():
    assert "body" not in answered()["response"]


def test_an_event_stream_is_a_stream_and_json_sent_for_one_is_a_body():
    events = b'event: ping\ndata: {"type": "ping"}\n\n'
    streamed = answered((("content-type", "Text/Event-Stream; charset=utf-8"),), events)["response"]
    assert streamed["stream"]["events"] == [{"event": "ping", "data": {"type": "ping"}}]
    assert "body" not in streamed
    assert "stream" not in answered((("content-type", "application/json"),), b"{}")["response"]


def test_a_failure_stands_instead_of_a_response_or_beside_a_part_of_one():
    failed = observed(Exchange(ASKED, Failure("refused", "nobody there")))["client"]["0"]
    assert failed == {"failure": {"kind": "refused"}}
    cut = answered(body=b"par", failure=Failure("cut", "closed"))
    assert cut["failure"] == {"kind": "cut"}
    assert cut["response"]["body"] == "par"


def test_upstream_calls_are_in_the_order_of_their_steps_and_then_of_their_times():
    calls = [
        Exchange(Request("POST", "/late", (("Anthropic-Beta", "a,b"),), b"{}"), Response(200), step=0, at=2.0),
        Exchange(Request("POST", "/other"), Failure("cut", "by its reply"), step=1, at=0.5),
        Exchange(Request("GET", "/early"), Response(200, failure=Failure("left", "gone")), step=0, at=1.0),
    ]
    seen = observed(upstream=tuple(calls))["upstream"]
    assert [call["request"]["path"] for call in seen] == ["/early", "/late", "/other"]
    assert seen[1]["request"]["headers"] == {"anthropic-beta": "a,b"}
    assert seen[1]["request"]["body"] == {}
    assert [call["outcome"] for call in seen] == [
        {"status": 200, "failure": "left"},
        {"status": 200},
        {"failure": "cut"},
    ]


def test_the_clients_request_is_not_part_of_it_and_the_effects_are():
    seen = observed(effects=Effects(calls=(1, 3), withheld=("step 0 call 0: event 1",)))
    assert seen == {
        "client": {},
        "upstream": [],
        "effects": {
            "calls": [1, 3],
            "aborted": [],
            "unexpected": [],
            "unused": [],
            "withheld": ["step 0 call 0: event 1"],
            "usage": [],
        },
    }


def test_names_in_capitals_are_told_beside_the_headers_on_both_faces():
    headers = (("X-A", "1"), ("b", "2"), ("Set-Cookie", "c"), ("Set-Cookie", "d"))
    assert answered(headers)["response"]["capitals"] == ["X-A", "Set-Cookie"]
    assert "capitals" not in answered((("x-a", "1"),))["response"]
    call = Exchange(Request("POST", "/", headers), Response(200))
    assert observed(upstream=(call,))["upstream"][0]["request"]["capitals"] == ["X-A", "Set-Cookie"]


def test_how_a_json_body_is_written_is_told_where_it_is_not_the_shortest_way():
    assert "written" not in answered(body=b'{"a":1}')["response"]
    assert answered(body=b'{"a": "\\u00e9"}\n')["response"]["written"] == ["blanks", "escapes", "line end"]
    assert "written" not in answered(body=b'a: "b": c\n')["response"]
    call = Exchange(Request("POST", "/", (), b'{"a": 1}'), Response(200))
    assert observed(upstream=(call,))["upstream"][0]["request"]["written"] == ["blanks"]


def test_what_became_of_the_connection_is_told_where_somebody_looked():
    kept = Exchange(ASKED, Response(200, connection="kept"))
    assert observed(kept)["client"]["0"]["response"]["connection"] == "kept"
    assert "connection" not in answered()["response"]


def test_the_texts_that_parts_were_read_from_are_told_by_their_parts():
    texts = {}
    body, said = b'{"a": [1]}', b'data: {"b": 2}\n\n'
    streamed = Response(200, (("content-type", "text/event-stream"),), (Chunk(0.1, said),))
    seen = tree(
        Observation(
            "s",
            "t",
            Role.BASELINE,
            (Exchange(ASKED, streamed),),
            (Exchange(Request("POST", "/", (), body), Response(200)),),
            Effects(),
        ),
        texts,
    )
    assert texts[id(seen["upstream"][0]["request"]["body"])] == body
    assert texts[id(seen["client"]["0"]["response"]["stream"]["events"])] == said
