from __future__ import annotations

import json

import pytest

from harness.model import Act, Cut, Reply, Send, Wait, WaitForClient
from harness.report.answers import answer_of

CHUNK = Send(b'data: {"choices":[]}\n\n')
DONE = Send(b"data: [DONE]\n\n")
PING = Send(b'event: ping\ndata: {"type":"ping"}\n\n')


def event(tree: object, name: str = "") -> Send:
    return Send(
        (f"event: {name}\n" if name else "").encode()
        + b"data: "
        + json.dumps(tree, separators=(",", ":")).encode()
        + b"\n\n"
    )


@pytest.mark.parametrize(
    ("acts", "answer"),
    [
        ((CHUNK, DONE), "200"),
        ((CHUNK,), "200, truncated in mid-stream"),
        ((), "200, truncated before the first event"),
        ((CHUNK, WaitForClient(1), Cut("rst")), "200, cut in mid-stream"),
        ((PING, Cut("rst")), "200, cut before the first event"),
        ((Send(b'data: {"cho'), Cut("fin")), "200, cut before the first event"),
    ],
)
def test_a_stream_that_does_not_end_well_says_where(acts: tuple[Act, ...], answer: str) -> None:
    assert answer_of(Reply(acts=acts)) == answer


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (event({"error": {"message": "no", "type": "server_error", "code": None}}), "500"),
        (event({"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}), "503"),
        (event({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, "error"), "529"),
        (event({"type": "error", "code": "rate_limit_exceeded", "message": "no"}, "error"), "429"),
        (event({"type": "response.failed", "response": {"error": {"code": "server_error"}}}, "response.failed"), "500"),
        (event({"error": {"message": "no"}}), "error"),
        (event({"error": "no"}), "error"),
        (Send(b"event: error\ndata: no JSON\n\n"), "error"),
    ],
)
def test_an_error_in_a_stream_is_told_by_the_status_that_it_stands_for(error: Send, answer: str) -> None:
    assert answer_of(Reply(acts=(PING, error))) == f"200, {answer} before the first event"
    assert answer_of(Reply(acts=(CHUNK, error, Cut("fin")))) == f"200, {answer} in mid-stream"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (Reply(529, body=b"{}"), "529"),
        (Reply(429, (("Retry-After", "2"),)), "429, retry-after"),
        (Reply(503, (("retry-after", "2"),)), "503"),
        (Reply(502, (("content-type", "text/html"),), b"<html>"), "502, HTML"),
        (Reply(503, (("server", "cloudflare"), ("content-type", "text/html"))), "503, Cloudflare"),
        (Reply(before=(Wait(0.1), Cut("fin"))), "cut before the headers"),
    ],
)
def test_a_refusal_is_told_by_its_status_and_by_what_a_client_has_to_notice(reply: Reply, answer: str) -> None:
    assert answer_of(reply) == answer
