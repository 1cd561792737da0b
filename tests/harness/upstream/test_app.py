import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from harness.errors import PortTaken
from harness.model import (
    Cut,
    Effects,
    Failure,
    Reply,
    Request,
    Response,
    Scenario,
    Send,
    Step,
    Wait,
    WaitForClient,
    header,
)
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from tests.harness.wire import one_step, post, read_head, scenario
from tests.waiting import PATIENCE

JSON = (("content-type", "application/json"),)
HELLO = Reply(200, (*JSON, ("X-Own-Case", "1"), ("x-own-case", "2")), b'{"hello":1}')
REQUEST = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
async def upstream() -> AsyncIterator[SimulatedUpstream]:
    async with SimulatedUpstream(patience=0.05, gap=0) as running:
        yield running


async def connect(upstream: SimulatedUpstream) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(upstream.url.rpartition(":")[2]))


async def said(upstream: SimulatedUpstream, request: bytes = REQUEST) -> bytes:
    """Everything that the upstream says on a connection before it closes it."""
    reader, writer = await connect(upstream)
    writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    try:
        return await reader.read()
    finally:
        writer.close()


def data_of(outcome: Response | Failure) -> list[bytes]:
    assert isinstance(outcome, Response)
    return [chunk.data for chunk in outcome.chunks]


async def test_a_whole_reply_has_its_own_headers_and_a_length_and_nothing_else(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(HELLO)) as play:
        play.begin(0)
        assert await said(upstream) == (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nX-Own-Case: 1\r\nx-own-case: 2\r\n"
            b'content-length: 11\r\n\r\n{"hello":1}'
        )


async def test_a_request_is_recorded_byte_for_byte(upstream: SimulatedUpstream) -> None:
    chunked = b"POST /a%20b?c=%C3%A9 HTTP/1.1\r\nHOST: x\r\nx-B: 1\r\nX-b: \xe9\r\nTransfer-Encoding: chunked\r\n\r\n"
    with upstream.play(one_step(HELLO)) as play:
        play.begin(0)
        await said(upstream, chunked + b"2\r\n\xff\x00\r\n3\r\nabc\r\n0\r\n\r\n")
    (exchange,) = play.exchanges()
    assert exchange.request == Request(
        "POST",
        "/a%20b?c=%C3%A9",
        (("HOST", "x"), ("x-B", "1"), ("X-b", "é"), ("Transfer-Encoding", "chunked"), ("Connection", "close")),
        b"\xff\x00abc",
    )


async def test_each_send_is_a_chunk_of_its_own_and_is_recorded_as_one(upstream: SimulatedUpstream) -> None:
    reply = Reply(200, (("content-type", "text/event-stream"),), acts=(Send(b"data: a\n\n"), Send(b"data: b\n\n")))
    with upstream.play(one_step(reply)) as play:
        play.begin(0)
        answer = await said(upstream)
    assert answer.endswith(b"transfer-encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n9\r\ndata: b\n\n\r\n0\r\n\r\n")
    assert data_of(play.exchanges()[0].outcome) == [b"data: a\n\n", b"data: b\n\n"]


async def test_a_status_that_nobody_registered_has_no_phrase(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(Reply(529))) as play:
        play.begin(0)
        assert (await said(upstream)).startswith(b"HTTP/1.1 529 \r\n")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("POST", 304)])
async def test_a_reply_that_has_no_body_by_law_has_none(upstream: SimulatedUpstream, method: str, status: int) -> None:
    request = Request(method, "/")
    with upstream.play(one_step(Reply(status, body=b"never seen"), request=request)) as play:
        play.begin(0)
        answer = await said(upstream, f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.endswith(b"\r\n\r\n")


async def test_a_length_that_the_reply_gives_is_kept_even_where_it_is_wrong(upstream: SimulatedUpstream) -> None:
    reply = Reply(200, (("content-length", "99"),), acts=(Send(b"only this"), Cut("fin")))
    with upstream.play(one_step(reply)) as play:
        play.begin(0)
        answer = await said(upstream)
    assert answer == b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nonly this"


async def test_a_connection_is_kept_for_the_next_request(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(HELLO, Reply(500, JSON, b"{}"))) as play:
        play.begin(0)
        reader, writer = await connect(upstream)
        for expected in (b"200 OK", b"500 Internal"):
            writer.write(REQUEST)
            answer = await read_head(reader)
            assert expected in answer
            await reader.readexactly(11 if b"200" in answer else 2)
        writer.close()
    assert play.effects() == Effects(calls=(2,))


async def test_expect_100_continue_is_answered(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(HELLO)) as play:
        play.begin(0)
        reader, writer = await connect(upstream)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await read_head(reader) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await read_head(reader)).startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def test_what_is_not_http_is_refused(upstream: SimulatedUpstream) -> None:
    assert (await said(upstream, b"\x16\x03\x01 TLS?\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


# --- cuts -----------------------------------------------------------------------------------------------------------


async def test_a_fin_ends_the_connection_in_order(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(Reply(acts=(Send(b"data: a\n\n"), Cut("fin"), Send(b"never"))))) as play:
        play.begin(0)
        assert (await said(upstream)).endswith(b"9\r\ndata: a\n\n\r\n")
    outcome = play.exchanges()[0].outcome
    assert isinstance(outcome, Response)
    assert outcome.failure == Failure("cut", "fin, as scripted")
    assert play.effects().aborted == ()


async def test_an_rst_is_an_rst(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(Reply(acts=(Send(b"data: a\n\n"), Cut("rst"))))) as play:
        play.begin(0)
        with pytest.raises(ConnectionResetError):
            await said(upstream)


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_cut_before_the_status_line_is_no_response_at_all(upstream: SimulatedUpstream, how: str) -> None:
    with upstream.play(one_step(Reply(before=(Wait(0), Cut("fin" if how == "fin" else "rst"))))) as play:
        play.begin(0)
        if how == "fin":
            assert await said(upstream) == b""
        else:
            with pytest.raises(ConnectionResetError):
                await said(upstream)
    assert play.exchanges()[0].outcome == Failure("cut", f"{how}, as scripted")


async def test_a_cut_comes_after_all_that_a_client_who_lags_behind_still_gets() -> None:
    events = [Send(b"data: %d\n\n" % number) for number in range(4)]
    saw: list[int] = []
    async with SimulatedUpstream(gap=0.1) as upstream:
        with upstream.play(one_step(Reply(acts=(*events, Cut("fin"))))) as play:
            play.begin(0)

            async def lag() -> None:
                await asyncio.sleep(0.35)
                for number in range(1, 5):
                    saw.append(number)
                    play.client_saw(0, number)
                    await asyncio.sleep(0.1)

            lagging = asyncio.create_task(lag())
            await said(upstream)
            assert saw == [1, 2, 3, 4]
            await lagging


# --- the client's part ----------------------------------------------------------------------------------------------


async def test_a_wait_for_the_client_ends_when_the_client_has_seen_enough() -> None:
    async with SimulatedUpstream(patience=30, gap=0) as upstream:
        reply = Reply(acts=(Send(b"data: a\n\n"), WaitForClient(2), Send(b"data: b\n\n")))
        with upstream.play(one_step(reply)) as play:
            play.begin(0)
            reader, writer = await connect(upstream)
            writer.write(REQUEST)
            await reader.readuntil(b"data: a\n\n\r\n")
            play.client_saw(0, 1)
            await asyncio.sleep(0)
            assert data_of(play.exchanges()[0].outcome) == [b"data: a\n\n"]
            play.client_saw(0, 2)
            await reader.readuntil(b"data: b\n\n\r\n")
            writer.close()
        assert play.effects().withheld == ()


async def test_a_wait_for_the_client_that_runs_out_is_noted_and_the_reply_goes_on(upstream: SimulatedUpstream) -> None:
    reply = Reply(acts=(Send(b"data: a\n\n"), WaitForClient(1), Send(b"data: b\n\n")))
    with upstream.play(one_step(reply)) as play:
        play.begin(0)
        assert b"data: b\n\n" in await said(upstream)
    assert play.effects().withheld == ("step 0 call 0: event 1",)


async def test_the_pause_in_which_a_client_leaves_begins_when_it_has_seen_what_it_leaves_at() -> None:
    async with SimulatedUpstream(patience=30, gap=0) as upstream:
        reply = Reply(acts=(Send(b"data: a\n\n"), Wait(0), Send(b"data: b\n\n")))
        with upstream.play(one_step(reply, leave_after=1)) as play:
            play.begin(0)
            reader, writer = await connect(upstream)
            writer.write(REQUEST)
            await reader.readuntil(b"data: a\n\n\r\n")
            await asyncio.sleep(0.05)  # longer than the pause: a gateway that is slow to pass the event on
            assert data_of(play.exchanges()[0].outcome) == [b"data: a\n\n"]
            play.client_saw(0, 1)
            await reader.readuntil(b"data: b\n\n\r\n")
            writer.close()
        assert play.effects().withheld == ()


async def test_a_target_that_hangs_up_is_noted(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(Reply(acts=(Send(b"data: a\n\n"), Wait(60), Send(b"never"))))) as play:
        play.begin(0)
        reader, writer = await connect(upstream)
        writer.write(REQUEST)
        await reader.readuntil(b"data: a\n\n\r\n")
        writer.close()
        await play.settle(PATIENCE)
    outcome = play.exchanges()[0].outcome
    assert isinstance(outcome, Response)
    assert (outcome.failure and outcome.failure.kind, data_of(outcome)) == ("left", [b"data: a\n\n"])
    assert play.effects().aborted == ("step 0 call 0",)


async def test_a_target_that_hangs_up_at_the_last_event_has_the_whole_answer(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(Reply(acts=(Send(b"data: a\n\n"), Send(b"data: [DONE]\n\n"))))) as play:
        play.begin(0)
        reader, writer = await connect(upstream)
        writer.write(REQUEST)
        await reader.readuntil(b"data: [DONE]\n\n")
        writer.close()
        await play.settle(PATIENCE)
    assert play.effects().aborted == ()


async def test_a_target_that_hangs_up_after_the_last_event_has_the_whole_answer(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(Reply(acts=(Send(b"data: [DONE]\n\n"), Wait(60), Send(b"data: more\n\n"))))) as play:
        play.begin(0)
        reader, writer = await connect(upstream)
        writer.write(REQUEST)
        await reader.readuntil(b"data: [DONE]\n\n")
        writer.close()
        await play.settle(PATIENCE)
    assert play.effects().aborted == ()
    outcome = play.exchanges()[0].outcome
    assert isinstance(outcome, Response)
    assert outcome.failure is None


async def test_a_call_that_is_still_open_says_so(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(Reply(before=(Wait(60),)))) as play:
        play.begin(0)
        _, writer = await connect(upstream)
        writer.write(REQUEST)
        await play.called(0)
        await play.settle(0.01)
        assert play.exchanges()[0].outcome == Failure("timeout", "still open when the scenario ended")
        writer.close()


# --- which call is whose --------------------------------------------------------------------------------------------


async def test_a_call_that_nobody_scripted_is_told_so_and_noted(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(HELLO)) as play:
        play.begin(0)
        await said(upstream)
        answer = await said(upstream)
    assert answer.startswith(b"HTTP/1.1 400 ")
    error = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert error["type"] == "error"
    assert error["error"]["message"] == "nobody scripted this call: POST /v1/messages"
    assert play.effects() == Effects(calls=(2,), unexpected=("step 0: POST /v1/messages",))


async def test_a_call_that_no_step_can_have_caused_uses_no_reply(upstream: SimulatedUpstream) -> None:
    with upstream.play(one_step(HELLO)) as play:
        play.begin(0)
        await said(upstream, b"GET /openai/v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        await said(upstream)
    effects = play.effects()
    assert (effects.calls, effects.unexpected, effects.unused) == ((1,), ("no step: GET /openai/v1/models",), ())


async def test_a_call_while_nothing_is_played_is_kept_apart(upstream: SimulatedUpstream) -> None:
    assert b"nobody scripted this call" in await said(upstream)
    assert [exchange.request.path for exchange in upstream.unscripted] == ["/v1/messages"]


async def test_a_reply_that_nobody_asked_for_is_noted(upstream: SimulatedUpstream) -> None:
    with upstream.play(scenario(Step(post(), (HELLO, HELLO)), Step(post(), (HELLO,)))) as play:
        play.begin(0)
        await said(upstream)
        play.end(0)
    assert play.effects().unused == ("step 0 reply 1", "step 1 reply 0")


async def test_a_late_call_still_gets_its_own_reply(upstream: SimulatedUpstream) -> None:
    with upstream.play(scenario(Step(post(), (HELLO,)), Step(post(), (Reply(500),)))) as play:
        play.begin(0)
        play.end(0)
        assert b"hello" in await said(upstream)
    assert play.effects().calls == (1, 0)


async def test_several_plays_at_once_each_get_their_own_calls(upstream: SimulatedUpstream) -> None:
    def asks(word: str) -> bytes:
        return b'{"model":"%b","messages":[{"role":"user","content":"Tell me about it"}]}' % word.encode()

    words = ("apples", "oranges")
    scenarios = [one_step(Reply(200, (), word.encode()), request=post(asks(word))) for word in words]
    with upstream.play(scenarios[0]) as first, upstream.play(scenarios[1]) as second:
        first.begin(0)
        second.begin(0)
        for word in reversed(words):
            body = asks(word)
            request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            assert (await said(upstream, request)).endswith(word.encode())
    assert (first.effects(), second.effects()) == (Effects(calls=(1,)), Effects(calls=(1,)))


def asks(text: str) -> bytes:
    body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def saying(text: str, *replies: Reply) -> Scenario:
    return one_step(*replies, request=post(asks(text).partition(b"\r\n\r\n")[2]))


async def test_a_call_gets_no_reply_of_a_play_that_says_something_else(upstream: SimulatedUpstream) -> None:
    apples, oranges = saying("About apples, please", Reply(200)), saying("About oranges, please", HELLO)
    with upstream.play(apples) as first, upstream.play(oranges) as second:
        first.begin(0)
        second.begin(0)
        assert (await said(upstream, asks("About apples, please"))).startswith(b"HTTP/1.1 200")
        first.end(0)
        assert (await said(upstream, asks("About apples, please"))).startswith(b"HTTP/1.1 400")
    assert first.effects() == Effects(calls=(2,), unexpected=("step 0: POST /",))
    assert second.effects() == Effects(calls=(0,), unused=("step 0 reply 0",))
    assert (first.doubtful, second.doubtful) == (False, False)


@pytest.mark.parametrize("request_bytes", [REQUEST, b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", asks("both")])
async def test_a_call_that_cannot_be_told_from_anothers_makes_all_of_them_doubtful(
    upstream: SimulatedUpstream, request_bytes: bytes
) -> None:
    with upstream.play(saying("bot", HELLO)) as first, upstream.play(saying("oth", HELLO)) as second:
        first.begin(0)
        second.begin(0)
        await said(upstream, request_bytes)
    assert (first.doubtful, second.doubtful) == (True, True)


async def test_a_play_that_is_alone_is_never_doubtful(upstream: SimulatedUpstream) -> None:
    with upstream.play(saying("Something", HELLO)) as play:
        play.begin(0)
        assert b"hello" in await said(upstream)
    assert not play.doubtful


async def test_without_a_script_it_can_answer_anything() -> None:
    async with SimulatedUpstream(improvise=autoplay()) as upstream:
        assert b'"type":"message"' in await said(upstream)
        assert b'"object":"list"' in await said(upstream, b"GET /openai/v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [header(each.request.headers, "host") for each in upstream.unscripted] == ["x", "x"]


async def test_a_port_that_is_taken_is_named(upstream: SimulatedUpstream) -> None:
    port = int(upstream.url.rpartition(":")[2])
    with pytest.raises(PortTaken, match=f"port {port} is taken"):
        async with SimulatedUpstream(port=port):
            pass


async def test_stopping_it_ends_what_is_under_way() -> None:
    async with SimulatedUpstream() as upstream:
        with upstream.play(one_step(Reply(before=(Wait(60),)))) as play:
            play.begin(0)
            _, writer = await connect(upstream)
            writer.write(REQUEST)
            await play.called(0)
    assert play.effects().aborted == ("step 0 call 0",)
    writer.close()


async def test_a_step_does_not_get_the_reply_that_another_one_has_left_over(upstream: SimulatedUpstream) -> None:
    with upstream.play(scenario(Step(post(), (HELLO, HELLO)), Step(post()))) as play:
        play.begin(0)
        await said(upstream)
        play.end(0)
        play.begin(1)
        await said(upstream)
    effects = play.effects()
    assert (effects.unexpected, effects.unused) == (("step 1: POST /v1/messages",), ("step 0 reply 1",))


async def test_what_is_answered_first_is_asked_of_no_scenario() -> None:
    token = Reply(200, JSON, b'{"access_token":"a"}')
    async with SimulatedUpstream(gap=0, first=lambda request: token if "token" in request.path else None) as upstream:
        with upstream.play(one_step(HELLO)) as play:
            play.begin(0)
            assert (await said(upstream, REQUEST.replace(b"/messages", b"/oauth/token"))).endswith(token.body)
            assert (await said(upstream)).endswith(HELLO.body)
        assert play.effects() == Effects(calls=(1,))
