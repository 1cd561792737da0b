from __future__ import annotations

import json
import zlib

import pytest

from harness.model import (
    Chunk,
    Cut,
    Exchange,
    Failure,
    Reply,
    Request,
    Response,
    Scenario,
    Send,
    Step,
    Wait,
    WaitForClient,
)
from harness.traffic.pairing import pair
from harness.traffic.to_scenario import to_scenario

ABOUT = Scenario("claude-code/plain", "claude-code", "title", "recorded 2026-11-23, x 1", ("stream",), ())
STREAM = (("content-type", "text/event-stream"),)
LEFT = Failure("left", "it hung up")


def exchange(at: float, words: str, outcome: Response | Failure | None = None, seconds: float = 1.0) -> Exchange:
    answer = outcome or Response(200, (), (Chunk(seconds, b"answer"),))
    return Exchange(Request("POST", "/v1/messages?beta=true", (), words.encode()), answer, at=at)


def chunks(*data: bytes) -> tuple[Chunk, ...]:
    return tuple(Chunk(0.1 * number, one) for number, one in enumerate(data))


def recorded(*upstream: Response | Failure, client: Exchange | None = None) -> Step:
    calls = [exchange(0.1 * (number + 1), "words", outcome) for number, outcome in enumerate(upstream)]
    return to_scenario(ABOUT, [client or exchange(0, "words")], calls).steps[0]


def test_calls_belong_to_the_request_that_was_under_way() -> None:
    client = [exchange(0, "one"), exchange(2, "two")]
    calls = [exchange(0.1, "x", seconds=0.2), exchange(0.5, "x", seconds=0.2), exchange(2.1, "x", seconds=0.2)]
    assert pair(client, calls) == [calls[:2], calls[2:]]


def test_of_two_requests_under_way_the_likest_caused_the_call() -> None:
    client = [exchange(0, "the first of them"), exchange(0.1, "a second of all")]
    calls = [exchange(0.2, "the second of all"), exchange(0.3, "oh, the first of them")]
    assert pair(client, calls) == [[calls[1]], [calls[0]]]


def test_equal_requests_at_once_take_turns() -> None:
    calls = [exchange(0.2, "the same"), exchange(0.3, "the same")]
    assert pair([exchange(0, "the same"), exchange(0.1, "the same")], calls) == [calls[:1], calls[1:]]


def test_after_a_request_without_an_answer_the_next_one_is_not_together_with_it() -> None:
    client = [exchange(0, "again", Failure("cut", "reset")), exchange(2, "again")]
    calls = [exchange(0.1, "again"), exchange(2.1, "again")]
    steps = to_scenario(ABOUT, client, calls).steps
    assert [(step.together, len(step.replies)) for step in steps] == [(False, 1), (False, 1)]


def test_a_call_outside_of_all_requests_is_the_gateways_own() -> None:
    assert pair([exchange(0, "one")], [exchange(5, "one")]) == [[]]


def test_steps_are_in_the_order_of_the_requests_and_overlapping_ones_are_together() -> None:
    client = [exchange(3, "three"), exchange(0, "one"), exchange(0.5, "two", seconds=0.1), exchange(1.0, "after one")]
    steps = to_scenario(ABOUT, client, []).steps
    assert [step.request.body for step in steps] == [b"one", b"two", b"after one", b"three"]
    assert [step.together for step in steps] == [False, True, False, False]


def test_a_request_keeps_its_headers_and_the_place_of_its_host() -> None:
    headers = (("Accept", "*/*"), ("Connection", "keep-alive"), ("Host", "127.0.0.1:1"), ("Content-Length", "5"))
    client = Exchange(Request("GET", "/v1/models", headers), Response(200))
    step = to_scenario(ABOUT, [client], []).steps[0]
    assert step.request == Request("GET", "/v1/models", (("Accept", "*/*"), ("Host", "<host>")))


def test_answers_become_replies_without_what_belongs_to_the_connection() -> None:
    headers = (
        ("content-type", "application/json"),
        ("content-length", "2"),
        ("Connection", "close"),
        ("request-id", "r"),
    )
    step = recorded(Response(429, headers, chunks(b"{", b"}")))
    assert step.replies == (Reply(429, (("content-type", "application/json"), ("request-id", "r")), b"{}"),)


def test_a_call_without_an_answer_is_a_cut_before_it() -> None:
    step = recorded(Failure("cut", "reset: by peer"), Failure("cut", "closed before"))
    assert step.replies == (Reply(before=(Cut("rst"),)), Reply(before=(Cut("fin"),)))


def test_a_stream_that_was_cut_ends_with_the_cut() -> None:
    step = recorded(Response(200, STREAM, chunks(b"data: 1\n\n"), Failure("cut", "closed before")))
    assert step.replies[0].acts == (Send(b"data: 1\n\n"), Cut("fin"))


def anthropic(count: int) -> tuple[Chunk, ...]:
    deltas = [
        f'event: content_block_delta\ndata: {{"type":"content_block_delta","delta":{n}}}\n\n' for n in range(count)
    ]
    begin = ['event: message_start\ndata: {"type":"message_start"}\n\n', 'event: ping\ndata: {"type":"ping"}\n\n']
    return chunks(*(part.encode() for part in (*begin, *deltas)))


def waits(step: Step) -> list[tuple[int, WaitForClient]]:
    return [(index, act) for index, act in enumerate(step.replies[0].acts or ()) if isinstance(act, WaitForClient)]


def test_a_stream_waits_for_its_client_after_the_first_piece_of_content() -> None:
    assert waits(recorded(Response(200, STREAM, anthropic(3)))) == [(3, WaitForClient(2))]
    assert waits(recorded(Response(200, STREAM, anthropic(2)))) == []


def test_where_the_gateway_translates_one_event_is_all_that_can_be_waited_for() -> None:
    pieces = [json.dumps({"choices": [{"index": 0, "delta": {"content": "x" * n}}]}) for n in range(4)]
    client = Exchange(Request("POST", "/v1/chat/completions", (), b"words"), Response(200, (), (Chunk(1.0, b""),)))
    answer = Response(200, STREAM, chunks(*(f"data: {piece}\n\n".encode() for piece in pieces)))
    assert waits(recorded(answer, client=client)) == [(2, WaitForClient(1))]


def test_the_longer_pauses_of_a_stream_are_kept_but_cut_short() -> None:
    times = {0.1: b"data: 1\n\n", 0.7: b"data: 2\n\n", 0.8: b"data: 3\n\n", 9.0: b"data: 4\n\n"}
    acts = recorded(Response(200, STREAM, tuple(Chunk(at, data) for at, data in times.items()))).replies[0].acts
    one, two, three, four = (Send(data) for data in times.values())
    assert acts == (one, Wait(0.6), two, three, Wait(1.0), four)


def test_a_compressed_answer_is_kept_plain() -> None:
    headers = (*STREAM, ("content-encoding", "gzip"))
    squeeze = zlib.compressobj(wbits=31)
    parts = [squeeze.compress(b"data: 1\n\n") + squeeze.flush(zlib.Z_SYNC_FLUSH), squeeze.flush()]
    reply = recorded(Response(200, headers, chunks(*parts))).replies[0]
    assert (reply.headers, reply.acts) == (STREAM, (Send(b"data: 1\n\n"),))


@pytest.mark.parametrize(
    ("body", "after"), [(b"data: 1\n\ndata: 2\n\n", 2), (b"data: 1\n\ndata: [DONE]\n\n", None), (b"", 0)]
)
def test_a_client_that_hung_up_does_so_again_unless_it_had_the_last_event(body: bytes, after: int | None) -> None:
    client = exchange(0, "words", Response(200, STREAM, chunks(body), Failure("left", "the client hung up")))
    assert recorded(client=client).leave_after == after


def test_a_call_that_the_gateway_left_is_held_open_for_it_to_leave_again() -> None:
    step = recorded(Response(200, STREAM, chunks(b"data: 1\n\n"), LEFT), LEFT)
    assert step.replies[0].acts == (Send(b"data: 1\n\n"), Wait(1.0))
    assert step.replies[1] == Reply(before=(Wait(1.0),))


def test_the_answer_that_a_client_did_not_wait_for_does_not_come_sooner_in_a_replay() -> None:
    step = recorded(Response(200, (), chunks(b"{}")), client=exchange(0, "words", LEFT))
    assert step.leave_after == 0
    assert [reply.before for reply in step.replies] == [(Wait(1.0),)]


def test_what_was_read_at_once_is_sent_at_once_where_it_goes_as_it_was_sent() -> None:
    read = (Chunk(0.1, b"data: 1\n\n"), Chunk(0.1, b"data: 2\n\n"), Chunk(0.2, b"data: 3\n\n"))
    calls = [exchange(0.1, "words", Response(200, STREAM, read))]
    sent = to_scenario(ABOUT, [exchange(0, "words")], calls, as_sent=True).steps[0].replies[0].acts
    assert sent == (Send(b"data: 1\n\ndata: 2\n\n"), Send(b"data: 3\n\n"))
    assert recorded(Response(200, STREAM, read)).replies[0].acts == tuple(Send(chunk.data) for chunk in read)
