import asyncio
import gzip
from collections.abc import Callable

import pytest

from harness.model import Exchange, Failure, Request, Response
from harness.replay.client import send, wire_bytes
from harness.replay.ports import free_port
from tests.harness.wire import Talk, post, read_head, saying, server

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def response(exchange: Exchange) -> Response:
    assert isinstance(exchange.outcome, Response), exchange.outcome
    return exchange.outcome


def chunks_of(exchange: Exchange) -> list[bytes]:
    return [each.data for each in response(exchange).chunks]


async def answer_to(talk: Talk, request: Request | None = None, **options: object) -> Exchange:
    async with server(talk) as url:
        return await send(request or post(), url, **options)  # type: ignore[arg-type]


# --- what is written ------------------------------------------------------------------------------------------------


def test_headers_go_out_in_their_own_case_and_order_with_host_first_and_length_last() -> None:
    request = Request("POST", "/v1?beta=true", (("X-b", "1"), ("accept", "é"), ("x-B", "2")), b"{}")
    assert wire_bytes(request, "localhost:1") == (
        b"POST /v1?beta=true HTTP/1.1\r\nHost: localhost:1\r\nX-b: 1\r\naccept: \xe9\r\nx-B: 2\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )


def test_a_host_that_is_given_stays_where_it_is() -> None:
    request = Request("GET", "/", (("A", "1"), ("Host", "h"), ("B", "2")))
    assert wire_bytes(request, "localhost:1") == b"GET / HTTP/1.1\r\nA: 1\r\nHost: h\r\nB: 2\r\n\r\n"


@pytest.mark.parametrize(("method", "length"), [("POST", b"Content-Length: 0\r\n"), ("GET", b""), ("HEAD", b"")])
def test_an_empty_body_has_a_length_only_where_a_body_is_expected(method: str, length: bytes) -> None:
    assert wire_bytes(Request(method, "/"), "h").endswith(b"Host: h\r\n" + length + b"\r\n")


def test_a_length_that_is_given_is_kept_even_where_it_is_wrong() -> None:
    assert b"content-length: 9\r\n\r\n{}" in wire_bytes(Request("POST", "/", (("content-length", "9"),), b"{}"), "h")


def test_a_chunked_request_is_sent_as_one_chunk() -> None:
    request = Request("POST", "/", (("Transfer-Encoding", "chunked"),), b"abc")
    assert wire_bytes(request, "h").endswith(b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/messages?beta=true", b"POST /lite/llm/v1/messages?beta=true "),
        ("/", b"POST /lite/llm/ "),
        ("*", b"POST * "),
    ],
)
@pytest.mark.parametrize("end", ["", "/"])
async def test_the_path_of_the_url_goes_before_the_requests_own(path: str, asked: bytes, end: str) -> None:
    heads = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with server(talk) as url:
        exchange = await send(post(path=path), f"{url}/lite/llm{end}")
    assert heads[0].startswith(asked)
    assert exchange.request.path == path
    assert f"Host: {url.removeprefix('http://')}\r\n".encode() in heads[0]


# --- what is read ---------------------------------------------------------------------------------------------------


async def test_headers_come_back_raw() -> None:
    exchange = await answer_to(saying(b"HTTP/1.1 529 \r\nX-a: 1\r\nx-A: \xe9\r\ncontent-length: 2\r\n\r\n{}"))
    assert response(exchange).status == 529
    assert response(exchange).headers == (("X-a", "1"), ("x-A", "é"), ("content-length", "2"))
    assert response(exchange).body == b"{}"
    assert response(exchange).failure is None


async def test_chunk_borders_are_kept_however_the_bytes_come() -> None:
    whole = STREAM + chunk(b"data: a\n") + chunk(b"\ndata: b\n\n") + END
    pieces = [whole[begin : begin + 7] for begin in range(0, len(whole), 7)]
    assert chunks_of(await answer_to(saying(*pieces))) == [b"data: a\n", b"\ndata: b\n\n"]


async def test_the_times_of_chunks_do_not_run_backwards() -> None:
    exchange = await answer_to(saying(STREAM, *(chunk(b"data: %d\n\n" % n) for n in range(5)), END))
    times = [each.at for each in response(exchange).chunks]
    assert times == sorted(times)
    assert min(times) >= 0


async def test_a_body_without_length_or_chunks_ends_with_the_connection() -> None:
    exchange = await answer_to(saying(b"HTTP/1.1 200 OK\r\n\r\nall of it"))
    assert (response(exchange).body, response(exchange).failure) == (b"all of it", None)


async def test_interim_responses_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    exchange = await answer_to(saying(interim, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"))
    assert (response(exchange).status, response(exchange).body) == (200, b"ok")
    assert response(exchange).headers == (("content-length", "2"),)


async def test_a_head_request_has_no_body_to_wait_for() -> None:
    exchange = await answer_to(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"), Request("HEAD", "/"))
    assert (response(exchange).body, response(exchange).failure) == (b"", None)


async def test_an_answer_that_comes_before_the_request_is_read_is_seen() -> None:
    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        while await reader.read(65536):
            pass

    assert response(await answer_to(impatient, post(b"x" * 4_000_000))).status == 413


# --- failures -------------------------------------------------------------------------------------------------------


async def test_nobody_there_is_refused() -> None:
    exchange = await send(post(), f"http://127.0.0.1:{free_port()}")
    assert isinstance(exchange.outcome, Failure)
    assert exchange.outcome.kind == "refused"


async def test_silence_is_a_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    exchange = await answer_to(silent, patience=0.05)
    assert exchange.outcome == Failure("timeout", "not complete after 0.05 s")


async def test_a_timeout_in_the_body_keeps_what_came() -> None:
    async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(STREAM, chunk(b"data: a\n\n"))(reader, writer)
        await reader.read()

    exchange = await answer_to(stalling, patience=0.2)
    failure = response(exchange).failure
    assert chunks_of(exchange) == [b"data: a\n\n"]
    assert failure is not None
    assert failure.kind == "timeout"


@pytest.mark.parametrize(
    "said",
    [
        STREAM + chunk(b"data: a\n\n"),
        STREAM + b"ff\r\ndata: a\n\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ndata: a\n\n",
    ],
)
async def test_an_end_before_the_end_is_a_cut_that_keeps_what_came(said: bytes) -> None:
    exchange = await answer_to(saying(said))
    assert response(exchange).body == b"data: a\n\n"
    assert response(exchange).failure == Failure("cut", "closed before the response was complete")


async def test_a_connection_that_closes_without_a_word_is_cut() -> None:
    exchange = await answer_to(saying())
    assert exchange.outcome == Failure("cut", "closed before the response was complete")


async def test_what_is_not_http_is_cut() -> None:
    exchange = await answer_to(saying(b"SSH-2.0-OpenSSH_9.2\r\n"))
    assert isinstance(exchange.outcome, Failure)
    assert exchange.outcome.message.startswith("not HTTP: ")


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "encode"),
    [
        (STREAM, bytes),
        (STREAM.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"), gzip.compress),
    ],
)
async def test_events_are_counted_while_they_come(head: bytes, encode: Callable[[bytes], bytes]) -> None:
    seen: list[int] = []
    body = encode(b": hello\n\ndata: a\n\ndata: b\n\ndata: never dispatched\n")
    await answer_to(saying(head, chunk(body[:9]), chunk(body[9:]), END), on_event=seen.append)
    assert seen == [1, 2]


async def test_a_body_that_is_no_event_stream_has_no_events() -> None:
    seen: list[int] = []
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n"
    await answer_to(saying(head, b"data: a\n\n"), on_event=seen.append)
    assert seen == []


async def test_the_client_leaves_at_its_event_and_has_not_seen_what_came_with_it() -> None:
    gone = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(STREAM, chunk(b"data: a\n\n"), chunk(b"data: b\n\ndata: c\n\n"))(reader, writer)
        await reader.read()
        gone.set()

    async with server(talk) as url:
        exchange = await send(Request("GET", "/"), url, leave=2)
        await gone.wait()
    assert chunks_of(exchange) == [b"data: a\n\n", b"data: b\n\n"]
    assert response(exchange).failure == Failure("left", "the client hung up")


async def test_a_client_that_would_leave_later_than_the_end_has_not_left() -> None:
    exchange = await answer_to(saying(STREAM, chunk(b"data: a\n\n"), END), leave=2)
    assert response(exchange).failure is None


async def test_the_client_leaves_when_it_is_told_to() -> None:
    leave = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        leave.set()
        await reader.read()

    exchange = await answer_to(talk, Request("GET", "/"), leave=leave)
    assert exchange.outcome == Failure("left", "the client hung up")


async def test_a_body_in_the_answer_to_head_is_a_failure():
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
    async with server(saying(reply + b"{}")) as url:
        outcome = (await send(Request("HEAD", "/health"), url)).outcome
    assert outcome.failure.kind == "surplus"
    async with server(saying(reply)) as url:
        assert (await send(Request("HEAD", "/health"), url)).outcome.failure is None


# --- what becomes of the connection ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "hangs_up", "connection"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", False, "kept"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}", True, "closed"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}", True, "closed"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", True, "closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", True, "dropped"),
        (STREAM + chunk(b"data: 1\n\n") + END, True, "dropped"),
        (STREAM + chunk(b"data: 1\n\n") + END, False, "kept"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", True, None),
    ],
)
async def test_what_becomes_of_the_connection_is_seen(answer: bytes, hangs_up: bool, connection: str | None) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        if not hangs_up:
            await reader.read()

    assert response(await answer_to(talk)).connection == connection
