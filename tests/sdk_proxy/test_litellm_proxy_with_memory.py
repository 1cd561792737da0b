import asyncio
import gzip
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from sdk_proxy.litellm_proxy_with_memory import create_app, main
from sdk_proxy.schema import Config
from tests.sdk_proxy.loopback import OK, Answer, Call, LiteLLM, connection, cut, litellm, never, say, served, spoken
from tests.waiting import PATIENCE

KEY = "sk-master"
SUPERMEMORY = {"SUPERMEMORY_API_KEY": "sm-key"}
GET = b"GET / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
GOOD = f"authorization: Bearer {KEY}\r\n".encode()
CONFIG = Config.model_validate(
    {
        "model_list": [
            {"model_name": "plain", "litellm_params": {"model": "openai/gpt-5", "api_base": "https://api.openai.com"}},
            {"model_name": "memory", "litellm_params": {"model": "openai/x", "api_base": "https://supermemory.test"}},
        ],
        "general_settings": {"master_key": KEY},
        "user_id_mappings": {
            "header_patterns": [{"header": "user-agent", "pattern": "^claude-cli/", "user_id": "claude-code"}]
        },
    }
)


@asynccontextmanager
async def both(answer: Answer, environ: dict[str, str] = SUPERMEMORY) -> AsyncIterator[tuple[int, LiteLLM]]:
    async with litellm(answer) as behind, served(create_app(CONFIG, behind.url, environ)) as port:
        yield port, behind


async def forwarded(request: bytes, environ: dict[str, str] = SUPERMEMORY) -> Call:
    """What LiteLLM gets of it."""
    async with both(say(), environ) as (port, behind):
        answer = await spoken(port, request)
        assert answer.endswith(b"ok"), answer
        (call,) = behind.calls
        return call


def post(body: bytes, headers: bytes = GOOD, path: bytes = b"/v1/messages") -> bytes:
    length = str(len(body)).encode()
    return b"POST " + path + b" HTTP/1.1\r\nhost: x\r\n" + headers + b"content-length: " + length + b"\r\n\r\n" + body


# --- the way up


@pytest.mark.parametrize("target", ["/", "/a/../b/./c", "/a%2Fb%20%C3%A4//c", "/x?a=1&a=2;b=%20+&c", "//evil.test/x?"])
async def test_path_and_query_go_on_as_they_came(target):
    call = await forwarded(f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    assert call.line == f"GET {target.removesuffix('?')} HTTP/1.1"


async def test_every_method_goes_on():
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]
    async with both(say()) as (port, behind):
        for method in methods:
            await spoken(port, f"{method} /x HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert [call.line for call in behind.calls] == [f"{method} /x HTTP/1.1" for method in methods]


async def test_headers_go_on_in_their_order_repeated_ones_too():
    sent = [("x-b", "1"), ("accept-encoding", "gzip, br"), ("x-a", "2"), ("x-b", "3"), ("cookie", "c=1"), ("x-c", "é")]
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent).encode("latin-1")
    call = await forwarded(GET + lines + b"\r\n")
    assert [pair for pair in call.headers if pair[0] != "Host"] == sent


async def test_blanks_around_a_value_are_no_part_of_it():
    call = await forwarded(GET + b"authorization: Bearer \r\nx-a: \t 1 \t\r\n\r\n")
    assert call.headers[-2:] == [("authorization", "Bearer"), ("x-a", "1")]


async def test_headers_of_the_one_connection_stay_behind():
    headers = (
        b"connection: X-Own , keep-alive\r\nx-own: 1\r\nkeep-alive: 5\r\nte: trailers\r\nproxy-authorization: a\r\n"
    )
    call = await forwarded(GET + headers + b"x-stays: 1\r\n\r\n")
    assert [name for name, _ in call.headers if name != "Host"] == ["x-stays"]


async def test_a_body_goes_on_byte_by_byte():
    body = b'{ "model" : "memory",\n "a": "\\u00e4\xc3\xa4" }\x00\xff'
    assert (await forwarded(post(body))).body == body


async def test_an_empty_body_is_an_empty_body():
    call = await forwarded(post(b""))
    assert (call.values("content-length"), call.body) == (["0"], b"")


@pytest.mark.parametrize(
    ("headers", "environ"), [(GOOD, {}), (GOOD + b"content-type: multipart/form-data; boundary=x\r\n", SUPERMEMORY)]
)
async def test_a_body_that_nobody_looks_into_is_not_buffered(headers, environ):
    async with both(say(), environ) as (port, behind), connection(port) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(post(b"first, second", headers).removesuffix(b"second"))
        call = await behind.call()
        while bytes(call.body) != b"first, ":
            await asyncio.sleep(0.001)
        writer.write(b"second")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        assert call.body == b"first, second"


async def test_a_chunked_body_stays_chunked():
    call = await forwarded(CHUNKED + b"\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert call.values("transfer-encoding") == ["chunked"]
    assert call.ended and b"".join(bytes(call.body).split(b"\r\n")[1::2]) == b"abcde"


# --- the way back


async def test_an_answer_comes_back_as_it_is():
    body = gzip.compress(b'{"a": 1}')
    head = (
        b"HTTP/1.1 429 Slow Down\r\ndate: now\r\nserver: litellm\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"
        b"content-encoding: gzip\r\nx-x: \xe9\r\ncontent-length: " + str(len(body)).encode() + b"\r\n"
    )
    async with both(say(head + b"connection: close, x-own\r\nx-own: 1\r\nkeep-alive: 5\r\n\r\n" + body)) as (port, _):
        got = await spoken(port, GET + b"\r\n")
    expected = head.replace(b"Slow Down", b"Too Many Requests") + b"\r\n" + body  # the words are uvicorn's
    assert got.replace(b"connection: close\r\n", b"") == expected


async def test_the_answer_to_head_has_the_length_and_no_body():
    async with both(say(b"HTTP/1.1 200 OK\r\ncontent-length: 3052\r\n\r\n")) as (port, _):
        got = await spoken(port, b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b"content-length: 3052" in got and got.endswith(b"\r\n\r\n")


async def test_a_redirect_is_the_clients_business():
    async with both(say(b"HTTP/1.1 307 T\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n")) as (port, behind):
        got = await spoken(port, GET + b"\r\n")
        assert b" 307 " in got and b"location: /other" in got and len(behind.calls) == 1


async def test_an_event_reaches_the_client_before_the_next_is_there():
    seen = asyncio.Event()

    async def answer(_: Call, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n")
        await seen.wait()
        writer.write(b"8\r\ndata: 2\n\r\n0\r\n\r\n")
        await writer.drain()

    async with both(answer) as (port, _), connection(port) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(post(b"{}"))
        await reader.readuntil(b"data: 1\n")
        seen.set()
        assert (await reader.readuntil(b"0\r\n\r\n")) == b"\r\n8\r\ndata: 2\n\r\n0\r\n\r\n"


async def test_no_cookie_is_kept():
    async with both(say(b"HTTP/1.1 200 OK\r\nset-cookie: a=1; Path=/\r\ncontent-length: 2\r\n\r\nok")) as (
        port,
        behind,
    ):
        for _ in range(2):
            assert b"set-cookie: a=1" in await spoken(port, GET + b"\r\n")
        assert [call.values("cookie") for call in behind.calls] == [[], []]


async def test_a_connection_that_litellm_closes_without_a_word_harms_nobody():
    async with (
        both(say()) as (port, behind),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client,
    ):
        assert [(await client.get("/")).status_code for _ in range(20)] == [200] * 20
        assert len(behind.calls) == 20


async def test_a_client_waits_for_no_other():
    everybody = asyncio.Barrier(120)  # httpx's own ceiling is 100

    async def answer(_: Call, writer: asyncio.StreamWriter) -> None:
        await everybody.wait()
        writer.write(OK)

    async with both(answer) as (port, _):
        request = GET + b"\r\n"
        answers = await asyncio.gather(*(spoken(port, request) for _ in range(everybody.parties)))
    assert all(got.endswith(b"ok") for got in answers)


# --- whose memory


@pytest.mark.parametrize("key", [GOOD, f"x-api-key: {KEY}\r\n".encode(), GOOD + b"x-api-key: wrong\r\n"])
async def test_who_has_the_key_has_a_user(key):
    call = await forwarded(post(b"{}", key + b"user-agent: claude-cli/2.1 (external, cli)\r\n"))
    assert call.values("x-sm-user-id") == ["claude-code"]
    assert call.headers[1][1] in (f"Bearer {KEY}", KEY), "the key goes on in the form that it came in"


@pytest.mark.parametrize("key", [b"", b"authorization: Bearer wrong\r\nx-api-key: " + KEY.encode() + b"\r\n"])
async def test_who_has_not_is_refused_by_litellm_and_gets_nothing_of_ours(key):
    call = await forwarded(post(b'{"model": "memory"}', key + b"x-sm-user-id: me\r\nx-supermemory-api-key: mine\r\n"))
    assert (call.values("x-sm-user-id"), call.values("x-supermemory-api-key")) == ([], [])
    assert call.values("authorization") == (["Bearer wrong"] if key else []), "no key of ours"


async def test_a_client_does_not_choose_its_memory_nor_its_key_by_the_providers_headers():
    own = b"X-SM-User-ID: me\r\nx-sm-user-id: me too\r\nX-Supermemory-Api-Key: mine\r\n"
    call = await forwarded(post(b'{"model": "memory"}', GOOD + own))
    assert call.values("x-sm-user-id") == ["default-user"]
    assert call.values("x-supermemory-api-key") == ["sm-key"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "plain"}', b'{"model": "unknown"}', b'{"model": ["memory"]}', b'["memory"]',
        b"{", b"", b"\xff", b"[" * 9999,
    ],
)  # fmt: skip
async def test_only_a_supermemory_model_takes_its_key_along(body):
    call = await forwarded(post(body))
    assert (call.values("x-supermemory-api-key"), call.body) == ([], body)


async def test_a_json_body_is_one_whatever_its_type_says():
    call = await forwarded(post(b'{"model": "memory"}', GOOD + b"content-type: text/plain\r\n"))
    assert call.values("x-supermemory-api-key") == ["sm-key"]


async def test_without_supermemorys_key_none_goes_along():
    call = await forwarded(post(b'{"model": "memory"}'), {})
    assert (call.values("x-sm-user-id"), call.values("x-supermemory-api-key")) == (["default-user"], [])


# --- the client leaves


@pytest.mark.parametrize("request_bytes", [post(b'{"stream": true}'), b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"])
async def test_litellm_is_left_when_the_client_leaves_before_any_answer(request_bytes):
    async with both(never) as (port, behind), asyncio.timeout(PATIENCE):
        async with connection(port) as (_, writer):
            writer.write(request_bytes)
            call = await behind.call()
        await call.left.wait()


async def test_litellm_is_left_when_the_client_leaves_in_mid_stream():
    async def answer(call: Call, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n")
        await never(call, writer)

    async with both(answer) as (port, behind), asyncio.timeout(PATIENCE):
        async with connection(port) as (reader, writer):
            writer.write(post(b"{}"))
            await reader.readuntil(b"data: 1\n")
        await (await behind.call()).left.wait()


@pytest.mark.parametrize("environ", [{}, SUPERMEMORY])
async def test_half_a_body_never_goes_on_as_a_whole_one(environ):
    form = b"content-type: multipart/form-data\r\n"
    async with both(say(), environ) as (port, behind), asyncio.timeout(PATIENCE):
        async with connection(port) as (_, writer):
            writer.write(CHUNKED + form + GOOD + b"\r\n3\r\nabc\r\n")
            call = await behind.call()
        await call.left.wait()
        assert not call.ended


async def test_half_a_body_that_is_looked_into_never_goes_on_at_all():
    async with both(say()) as (port, behind):
        async with connection(port) as (_, writer):
            writer.write(CHUNKED + GOOD + b"\r\n3\r\nabc\r\n")
            await writer.drain()
        assert (await spoken(port, b"GET /after HTTP/1.1\r\nhost: x\r\n\r\n")).endswith(b"ok")
        assert [call.line for call in behind.calls] == ["GET /after HTTP/1.1"]


# --- LiteLLM is not there


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/messages", {"type": "error", "error": {"type": "api_error"}}),
        ("/v1/chat/completions", {"error": {"type": "api_error", "param": None, "code": "502"}}),
    ],
)
async def test_a_litellm_that_cannot_be_reached_is_a_502_in_the_routes_own_envelope(path, expected):
    async with both(cut()) as (port, _), httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(f"http://127.0.0.1:{port}{path}", json={})
    body = answer.json()
    assert "cannot be reached" in body["error"].pop("message")
    assert (answer.status_code, body) == (502, expected)


async def test_nobody_behind_is_a_502_too_and_the_proxy_lives_on():
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with served(create_app(CONFIG, nobody, {})) as port, httpx.AsyncClient(timeout=PATIENCE) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/v1/models")).status_code == 502
        health = await client.get(f"http://127.0.0.1:{port}/health")
    assert (health.status_code, health.json()) == (503, {"status": "unhealthy", "litellm": False})


@pytest.mark.parametrize("framing", [b"content-length: 100", b"transfer-encoding: chunked"])
async def test_an_answer_that_is_cut_is_cut_for_the_client_too(framing):
    async with both(cut(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n3\r\nabc\r\n")) as (port, _):
        with pytest.raises(httpx.RemoteProtocolError):
            async with httpx.AsyncClient(timeout=PATIENCE) as client:
                await client.get(f"http://127.0.0.1:{port}/")


# --- its own answers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_it_is_healthy_when_litellm_is(method):
    async with both(say()) as (port, behind), httpx.AsyncClient(timeout=PATIENCE) as client:
        assert (await client.request(method, f"http://127.0.0.1:{port}/health")).status_code == 200
        assert [call.line for call in behind.calls] == ["GET /health/liveliness HTTP/1.1"]


async def test_it_is_not_healthy_when_litellm_says_that_it_is_not():
    async with (
        both(say(b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n")) as (port, _),
        httpx.AsyncClient(timeout=PATIENCE) as client,
    ):
        assert (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 503


async def test_it_says_whose_memory_a_request_is():
    transport = httpx.ASGITransport(create_app(CONFIG, "http://127.0.0.1:9", {}))
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
        info = await client.get("/memory-routing/info", headers={"x-memory-user-id": "alice"})
    assert info.json() == {
        "user_id": "alice", "matched_pattern": None, "custom_header_present": True, "is_default": False
    }  # fmt: skip


async def test_a_websocket_is_refused():
    said: list[str] = []

    async def send(message):
        said.append(message["type"])

    app = create_app(CONFIG, "http://127.0.0.1:9", {})
    await app({"type": "websocket", "path": "/v1/realtime", "headers": [], "query_string": b""}, None, send)
    assert said == ["websocket.close"]


# --- the command


CONFIG_FILE = {
    "model_list": [{"model_name": "fast", "litellm_params": {"model": "openai/gpt-5", "api_key": "os.environ/A_KEY"}}],
    "general_settings": {"master_key": KEY},
}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(CONFIG_FILE))
    return str(path)


def test_a_configuration_that_is_not_there_is_named():
    done = CliRunner().invoke(main, ["--config", "nowhere.yaml"])
    assert (done.exit_code, done.stderr) == (
        2, "error: nowhere.yaml: cannot be read (No such file or directory): name another with --config\n"
    )  # fmt: skip


def test_a_busy_port_is_named(file):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = CliRunner().invoke(main, [], env={"A_KEY": "a", "CONFIG_PATH": file, "PROXY_PORT": port})
    assert (done.exit_code, f"error: port {port} on 127.0.0.1 is not free" in done.stderr) == (2, True)


@pytest.mark.parametrize("url", ["127.0.0.1:4000", "ftp://x", "http://", "http://[::", "nonsense"])
def test_an_address_that_is_none_is_refused_before_the_first_request(file, url):
    done = CliRunner().invoke(main, ["--config", file, "--litellm-url", url], env={"A_KEY": "a"})
    assert (done.exit_code, "Invalid value for '--litellm-url'" in done.stderr) == (2, True)


async def ran(file: str, **environ: str) -> tuple[bytes | None, str]:
    """What the program, in front of a LiteLLM that says `DATED`, answers to a GET; and what it says on stderr."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with litellm(say(DATED)) as behind, asyncio.timeout(PATIENCE):
        command = ("-m", "sdk_proxy.litellm_proxy_with_memory", "--config", file, "--port", str(port))
        kept = {name: value for name, value in os.environ.items() if name != "A_KEY"}
        program = await asyncio.create_subprocess_exec(
            sys.executable, *command, "--litellm-url", behind.url, env=kept | environ, stderr=asyncio.subprocess.PIPE
        )
        try:
            while (got := await _tried(port)) is None and program.returncode is None:
                await asyncio.sleep(0.05)
        finally:
            if program.returncode is None:
                program.terminate()
            _, said = await program.communicate()
    return got, said.decode()


DATED = b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\n\r\nok"


async def test_the_program_adds_no_headers_and_ends_when_it_is_told_to(file):
    got, _ = await ran(file, A_KEY="a")
    assert got is not None
    assert got.replace(b"connection: close\r\n", b"") == DATED


async def test_the_program_names_the_variables_that_are_not_set_and_serves_as_litellm_does(file):
    got, said = await ran(file)
    assert got is not None and got.endswith(b"ok")
    (line,) = [line for line in said.splitlines() if "not set" in line]
    assert line.startswith(f"warning: {file}: environment variables that are not set: A_KEY (")


async def _tried(port: int) -> bytes | None:
    try:
        return await spoken(port, GET + b"\r\n")
    except ConnectionError:
        return None
