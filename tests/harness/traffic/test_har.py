from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.model import Chunk, Exchange, Failure, Request, Response
from harness.traffic.har import exchanges, har

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
STREAM = (("content-type", "text/event-stream"),)
ASKS = Request(
    "POST", "/v1/messages?beta=true", (("Accept", "*/*"), ("X-Twice", "1"), ("X-Twice", "2")), b'{"a":"\xc3\xa4"}'
)


def again(*given_ones: Exchange) -> tuple[Exchange, ...]:
    """Written and read, with times that count from the beginning again."""
    read = exchanges(json.dumps(har(given_ones, "http://gateway", BEGAN)), "a.har")
    return tuple(replace(one, at=round(one.at - BEGAN.timestamp(), 6)) for one in read)


def entry(content_type: str, text: str, **response: object) -> str:
    headers = [{"name": "Content-Type", "value": content_type}, {"name": "Content-Encoding", "value": "gzip"}]
    request = {
        "method": "GET",
        "url": "https://api.example.com/v1/models",
        "headers": [{"name": ":path", "value": "/"}],
    }
    answer = {"status": 200, "headers": headers, "content": {"text": text}, **response}
    one = {"startedDateTime": "2026-11-23T12:00:00.5Z", "time": 1500, "request": request, "response": answer}
    return json.dumps({"log": {"version": "1.2", "entries": [one]}})


@pytest.mark.parametrize(
    "outcome",
    [
        Response(200, STREAM, (Chunk(0.25, b"data: 1\n\n"), Chunk(0.5, b"data: 2\n\ndata: 3\n\n"))),
        Response(200, STREAM, (Chunk(0.25, b"data: 1"),), Failure("cut", "reset: by the provider")),
        Response(502, (("content-type", "application/octet-stream"),), (Chunk(0.0, b"\xff\x00"),)),
        Response(204),
        Failure("timeout", "no byte"),
    ],
)
def test_an_exchange_comes_back_as_it_was_chunks_and_times_included(outcome: Response | Failure) -> None:
    exchange = Exchange(ASKS, outcome, step=2, at=1.5)
    assert again(exchange) == (exchange,)


@given(st.binary(max_size=50), st.lists(st.binary(min_size=1, max_size=20), max_size=5))
def test_any_bytes_come_back(body: bytes, chunks: list[bytes]) -> None:
    response = Response(200, STREAM, tuple(Chunk(float(at), data) for at, data in enumerate(chunks)))
    exchange = Exchange(replace(ASKS, body=body), response)
    assert again(exchange) == (exchange,)


def test_a_stream_of_a_tool_that_knows_no_chunks_is_cut_into_its_events() -> None:
    (exchange,) = exchanges(entry("text/event-stream", "data: 1\n\nevent: b\ndata: 2\n\nrest"), "a.har")
    assert isinstance(exchange.outcome, Response)
    assert [chunk.data for chunk in exchange.outcome.chunks] == [b"data: 1\n\n", b"event: b\ndata: 2\n\n", b"rest"]
    assert {chunk.at for chunk in exchange.outcome.chunks} == {1.5}


def test_what_belongs_to_the_encoding_on_the_wire_is_left_behind() -> None:
    (exchange,) = exchanges(entry("application/json", "{}"), "a.har")
    assert exchange.request == Request("GET", "/v1/models")
    assert isinstance(exchange.outcome, Response)
    assert exchange.outcome.headers == (("Content-Type", "application/json"),)


def test_a_call_without_a_response_has_failed() -> None:
    (exchange,) = exchanges(entry("x", "", status=0), "a.har")
    assert exchange.outcome == Failure("cut", "no response")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "a.har: log: is no HTTP Archive"),
        ("not JSON", "is no HTTP Archive: Invalid JSON"),
        (entry("x", "").replace('"status": 200', '"status": "fine"'), "a.har: log/entries/0/response/status"),
        (entry("x", "!", content={"text": "!", "encoding": "base64"}), "is not the base64"),
    ],
)
def test_what_is_no_archive_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        exchanges(text, "a.har")
