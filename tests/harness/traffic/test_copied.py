from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from harness.model import Failure, Response
from harness.traffic.copied import Copied, Joining, Message, messages

ASKED = b"POST /v1/messages HTTP/1.1\r\nHost: provider\r\nContent-Length: 2\r\n\r\n{}"
SAID = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nrequest-id: 1\r\n\r\nyes"


def front(*, began: float = 100.0, how: str = "whole", status: int = 200, ports: tuple[int, ...] = (5001,)) -> Message:
    body, answer = b'{"a":1}', b"answer"
    head = {
        "face": "front",
        "port": 4000,
        "began": began,
        "how": how,
        "lost": 0,
        "method": "POST",
        "path": "/v1/messages?beta=true",
        "headers": [["host", "here"], ["content-length", "7"]],
        "status": status,
        "answer": [["content-type", "application/json"]],
        "body": len(body),
        "chunks": [[began + 0.5, len(answer)]],
        "made": [{"began": began + 0.1, "port": port, "how": "", "sent": 0, "got": []} for port in ports],
    }
    return Message(head, body + answer)


def back(
    *calls: tuple[bytes, bytes], began: float = 100.11, port: int = 5001, how: str = "whole", ended: str = ""
) -> Message:
    made = [
        {"began": began + 0.01, "port": 9, "how": ended, "sent": len(sent), "got": [[began + 0.2, len(got)]]}
        for sent, got in calls
    ]
    head = {"face": "back", "port": port, "began": began, "how": how, "lost": 0, "body": 0, "chunks": [], "made": made}
    return Message(head, b"".join(sent + got for sent, got in calls))


def joined(*parts: Message, after: float = 0.0) -> list[Copied]:
    joining = Joining()
    for part in parts:
        joining.add(part, 0.0)
    return joining.joined(after)


def reason(*parts: Message, after: float = 0.0) -> str | None:
    (copied,) = joined(*parts, after=after)
    return copied.unfit


def test_both_parts_make_one_call_with_all_times_on_the_clock_of_its_beginning():
    (copied,) = joined(back((ASKED, SAID)), front())
    (call,) = copied.upstream
    assert copied.unfit is None
    assert (copied.client.request.path, copied.client.request.body) == ("/v1/messages?beta=true", b'{"a":1}')
    assert isinstance(copied.client.outcome, Response)
    assert [(chunk.at, chunk.data) for chunk in copied.client.outcome.chunks] == [(0.5, b"answer")]
    assert (call.request.method, call.request.path, call.request.body) == ("POST", "/v1/messages", b"{}")
    assert isinstance(call.outcome, Response) and call.outcome.body == b"yes"
    assert call.at == pytest.approx(0.12) and call.outcome.chunks[0].at == pytest.approx(0.19)


def test_an_answer_without_a_length_was_sent_in_chunks():
    (copied,) = joined(back((ASKED, SAID)), front())
    assert isinstance(copied.client.outcome, Response)
    assert ("transfer-encoding", "chunked") in copied.client.outcome.headers


def test_the_front_waits_for_its_back_and_not_forever():
    assert joined(front(), after=4.9) == []
    assert reason(front(), after=5.1) == "what the provider was asked for it was not seen"


def test_a_call_that_went_no_further_waits_for_nobody():
    (copied,) = joined(front(ports=()))
    assert (copied.unfit, copied.upstream) == (None, ())


def test_a_port_that_was_used_before_belongs_to_the_call_that_had_it_then():
    early = back((ASKED, SAID.replace(b"yes", b"old")), began=50.0)
    later = back((ASKED, SAID.replace(b"yes", b"new")), began=200.0)
    (copied,) = joined(early, later, back((ASKED, SAID)), front())
    assert [call.outcome.body for call in copied.upstream if isinstance(call.outcome, Response)] == [b"yes"]


def test_two_calls_to_the_provider_are_both_the_clients():
    failed = SAID.replace(b"200 OK", b"529 Overloaded")
    (copied,) = joined(back((ASKED, failed), (ASKED, SAID)), front())
    assert [call.outcome.status for call in copied.upstream if isinstance(call.outcome, Response)] == [529, 200]


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((front(how="left"), back((ASKED, SAID))), "its client left before the end of the answer"),
        ((front(how="too large"), back((ASKED, SAID))), "it was too large to be copied"),
        ((front(), back((ASKED, SAID), how="too large")), "it was too large to be copied"),
        ((front(), back(how="unheard")), "its connection to the provider was older than the shadow"),
        ((front(), back((ASKED[:20], SAID))), "a call to the provider could not be read"),
        ((front(), back((b"\0\0", SAID))), "a call to the provider could not be read"),
        ((front(status=429), back()), "LiteLLM had taken the model out of service, for earlier calls"),
        ((front(status=429), back((ASKED, SAID))), None),
    ],
)
def test_what_cannot_be_compared_says_why(parts: tuple[Message, ...], why: str | None):
    assert reason(*parts) == why


@pytest.mark.parametrize(
    ("said", "ended", "failure"),
    [
        (SAID[:-1], "closed", "cut"),
        (SAID[:-1], "reset: ConnectionResetError", "cut"),
        (SAID[:-1], "", "left"),
        (SAID, "", None),
    ],
)
def test_whoever_ended_a_call_to_the_provider_too_early_is_told(said: bytes, ended: str, failure: str | None):
    (copied,) = joined(back((ASKED, said), ended=ended), front())
    outcome = copied.upstream[0].outcome
    assert isinstance(outcome, Response)
    assert (outcome.failure.kind if outcome.failure else None) == failure


def test_a_gateway_that_hangs_up_after_the_last_event_has_left_nothing():
    stream = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    events = b"data: 1\n\ndata: [DONE]\n\n"
    (copied,) = joined(back((ASKED, stream + b"%x\r\n%b\r\n" % (len(events), events))), front())
    outcome = copied.upstream[0].outcome
    assert isinstance(outcome, Response) and outcome.failure is None


def test_an_answer_that_never_began_is_a_failure():
    (copied,) = joined(front(status=0, how="failed", ports=()))
    assert isinstance(copied.client.outcome, Failure)


async def test_messages_are_read_one_after_the_other_and_a_torn_one_is_none():
    def wire(message: Message) -> bytes:
        return json.dumps(dict(message.head)).encode() + b"\n" + message.data

    reader = asyncio.StreamReader()
    reader.feed_data(wire(front()) + wire(back((ASKED, SAID))) + wire(front())[:-3])
    reader.feed_eof()
    seen: list[Any] = [message async for message in messages(reader)]
    assert seen == [front(), back((ASKED, SAID))]
