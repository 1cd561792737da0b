from __future__ import annotations

import gzip
import json

import pytest

from harness.errors import BadInput
from harness.model import Act, Cut, Headers, Reply, Request, Scenario, Send, Step, Wait
from harness.traffic.scrub import Sources, scrub

JSON: Headers = (("content-type", "application/json"),)
STREAM: Headers = (("content-type", "text/event-stream"),)
TEXT: Headers = (("content-type", "text/plain"),)
ASKS = Request("POST", "/v1/messages?key=abcdefgh1234", JSON, b"{}")
WORD = "Guacamole"


def scrub_step(request: Request, *replies: Reply, accept_malformed: bool = False, left: int | None = None) -> Step:
    step = Step(request, replies, leave_after=left)
    scenario = Scenario("client/name", "client", "title", "scripted", (), (Step(ASKS), step))
    sources = Sources("c.har", "p.har")
    return scrub([scenario], b"key", sources=sources, accept_malformed=accept_malformed)[0].steps[1]


def post(body: bytes, headers: Headers = JSON) -> Request:
    return Request("POST", "/v1/messages?key=abcdefgh1234", headers, body)


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (
            b'{"model": "gpt",\n "a" 1}',
            JSON,
            r"line 2, column 6 \(byte 22\): this is no JSON: a colon is expected here",
        ),
        (b'{"content": "Guacamole"', JSON, r"line 1, column 24 \(byte 23\): this is no JSON: it ends too early"),
        ("Guacamole für alle".encode(), JSON, r"line 1, column 1 \(byte 0\): this is no JSON: a value is expected"),
        ('{"ä": Guacamole}'.encode(), (("content-type", "application/problem+json"),), r"column 7 \(byte 7\)"),
        (b"{}\n{Guacamole}\n", (("content-type", "application/x-ndjson"),), "line 2, column 2"),
        (b"{}", (*JSON, ("content-encoding", "gzip")), "it is not coded as gzip"),
        (b"{}", (*JSON, ("content-encoding", "compress")), "it is coded as compress, which cannot be read here"),
        (gzip.compress(b'{"a":Guacamole}', mtime=0), (*JSON, ("content-encoding", "gzip")), "line 1, column 6"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused_with_its_place(body: bytes, headers: Headers, told: str) -> None:
    with pytest.raises(BadInput, match=rf"c\.har: request 2 \(POST /v1/messages\?key=<key>\): .*{told}") as caught:
        scrub_step(post(body, headers))
    assert "--accept-malformed" in str(caught.value) and WORD not in str(caught.value)
    with pytest.raises(BadInput, match=rf"p\.har: answer 2 of the provider to request 2 .*{told}"):
        scrub_step(post(b"{}"), Reply(), Reply(200, headers, body))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'event: a\ndata: {"a":1}\n\nevent: b\ndata: {"a":Guacamole}\n\n', r"line 5, column 12 \(byte 44\)"),
        (b'data: {"a":\ndata: "Guacamole" 1}\n\n', "line 2, column 19"),
        (b'data: {"a":1\n\n', "the data of an event are no JSON: it ends too early"),
        (b"<html>Guacamole</html>", "line 1, column 1 .*this line is no field of a stream of events"),
        (b"data: {}\n\nGuacamole\n\n", "line 3, column 1"),
    ],
)
def test_a_stream_that_is_none_is_refused_with_its_place(data: bytes, told: str) -> None:
    for reply in (Reply(200, STREAM, acts=(Send(data[:9]), Send(data[9:]))), Reply(200, STREAM, data)):
        with pytest.raises(BadInput, match=told) as caught:
            scrub_step(ASKS, reply)
        assert WORD not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"model": "gpt-4.1", "content": "Guacamole" "Guacamole"}', b'{"model": "gpt-4.1", "content": "'),
        (b'{"model": "gpt-4.1", "content": "Guacamole \\x"}', b'{"model": "gpt-4.1", "content": "'),
        (b'{"model": "gpt-4.1", "stream": tru, "content": "Guacamole"}', b'{"model": "gpt-4.1", "stream": '),
        (b"Guacamole", b""),
    ],
)
def test_where_it_is_accepted_it_is_scrubbed_as_far_as_it_can_be_read(body: bytes, kept: bytes) -> None:
    for after in (
        scrub_step(post(body), accept_malformed=True).request.body,
        scrub_step(ASKS, Reply(200, JSON, body), accept_malformed=True).replies[0].body,
    ):
        assert after.startswith(kept) and len(after) == len(body) and b"Guacamole" not in after


def test_a_stream_with_broken_data_keeps_what_is_whole_where_it_is_accepted() -> None:
    whole = b'data: {"type":"ping"}\n\n'
    sent = (Send(whole), Send(b'data: {"type":"x", Guacamole}\n\nGuacamole\n\n'), Send(whole))
    after = scrub_step(ASKS, Reply(200, STREAM, acts=sent), accept_malformed=True).replies[0].acts or ()
    assert (after[0], after[2]) == (sent[0], sent[2])
    assert after[1].data.startswith(b'data: {"type":"x", ') and b"Guacamole" not in after[1].data  # type: ignore[union-attr]


@pytest.mark.parametrize("end", [Cut("rst"), Cut("fin"), Wait(1.0)])
@pytest.mark.parametrize("size", range(1, 57))
def test_an_answer_that_was_cut_anywhere_is_scrubbed_as_the_beginning_that_it_is(size: int, end: Act) -> None:
    body = b'{"object":"list","n":1.0,"ok":null,"content":"Guacamole"}'
    for headers in (JSON, ()):
        (reply,) = scrub_step(ASKS, Reply(200, headers, acts=(Send(body[:size]), end))).replies
        sent, last = reply.acts or ()
        assert isinstance(sent, Send) and last == end and len(sent.data) == size
        assert sent.data.startswith(body[: min(size, 46)]) and b"Guac" not in sent.data


def test_an_event_that_was_cut_is_scrubbed_so_too_whether_the_recording_knows_it_or_not() -> None:
    event = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Guaca'
    )
    for acts in ((Send(event), Cut("fin")), (Send(event),)):
        after = (scrub_step(ASKS, Reply(200, STREAM, acts=acts)).replies[0].acts or ())[0]
        assert isinstance(after, Send) and after.data[:-5] == event[:-5] and after.data != event


def test_a_request_that_its_client_left_may_have_been_cut() -> None:
    body = b'{"model": "gpt-4.1", "content": "Guacamo'
    assert scrub_step(post(body), left=0).request.body.startswith(body[:-7])
    with pytest.raises(BadInput):
        scrub_step(post(body))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, br"])
def test_a_coded_request_stays_coded_and_is_scrubbed(coding: str) -> None:
    from harness.traffic.content_coding import decode, encode

    names = tuple(coding.split(", "))
    plain = b'{ "model": "gpt-4.1", "content": "Guacamole" }'
    headers = (*JSON, ("Content-Encoding", coding))
    after = scrub_step(post(encode(plain, names), headers)).request
    assert after.headers == headers
    body = decode(after.body, names)
    assert body[:35] == plain[:35] and body[-3:] == plain[-3:] and b"Guacamole" not in body


def test_a_coded_stream_becomes_a_plain_one() -> None:
    data = b'data: {"type":"ping" }\n\n'
    coded = gzip.compress(data)
    headers = (*STREAM, ("content-encoding", "gzip"))
    (reply,) = scrub_step(ASKS, Reply(200, headers, acts=(Send(coded[:12]), Send(coded[12:])))).replies
    assert (reply.headers, b"".join(act.data for act in reply.acts or () if isinstance(act, Send))) == (STREAM, data)


def test_json_that_does_not_say_so_is_json_all_the_same() -> None:
    body = b'{ "type": "error", "error": {"message": "Overloaded"}, "content": null }'
    for headers in ((), TEXT):
        assert scrub_step(ASKS, Reply(529, headers, body)).replies[0].body == body


def test_a_page_of_a_proxy_and_a_text_are_what_they_were_to_the_scrubber() -> None:
    page = b"<html><body>502 Bad Gateway</body></html>"
    assert scrub_step(ASKS, Reply(502, (("content-type", "text/html"),), page)).replies[0].body == page
    assert b"Guacamole" not in scrub_step(post(b"Guacamole 12345678 1234567", TEXT)).request.body


def test_the_parts_of_a_multipart_body_are_scrubbed_each_as_what_it_is() -> None:
    lines = [
        "--xyz",
        'Content-Disposition: form-data; name="model"',
        "",
        "gpt-4o-transcribe",
        "--xyz",
        'Content-Disposition: form-data; name="prompt"',
        "",
        "Guacamole, please",
        "--xyz",
        'Content-Disposition: form-data; name="metadata"',
        "Content-Type: application/json",
        "",
        '{ "stream": null, "note": "Guacamole" }',
        "--xyz",
        'Content-Disposition: form-data; name="file"; filename="Guacamole.wav"',
        "Content-Type: audio/wav",
        "",
        "RIFF\udcff\udcfe--",
        "--xyz--",
        "",
    ]
    body = "\r\n".join(lines).encode("utf-8", "surrogateescape")
    after = scrub_step(post(body, (("content-type", 'multipart/form-data; boundary="xyz"'),))).request.body
    assert len(after) == len(body) and b"Guacamole" not in after
    kept = [line.decode("latin-1") for line in after.split(b"\r\n")]
    changed = {number for number, line in enumerate(lines) if kept[number] != line}
    assert {7, 12, 14} <= changed <= {7, 12, 14, 17}
    assert kept[12].startswith('{ "stream": null, "note": "') and kept[14].endswith('.wav"')


def test_parts_that_are_no_json_though_they_say_so_are_refused() -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="m"\r\nContent-Type: application/json\r\n\r\n'
    body = head + b"{Guacamole}\r\n--b--\r\n"
    with pytest.raises(BadInput, match="this is no JSON"):
        scrub_step(post(body, (("content-type", "multipart/form-data; boundary=b"),)))


def test_what_the_depth_of_a_body_is_does_not_matter() -> None:
    body = b'{"content": ' + b"[" * 20_000 + b'"Guacamole"' + b"]" * 20_000 + b"}"
    after = scrub_step(post(body)).request.body
    assert after.replace(b'"', b"")[:20_000] == body.replace(b'"', b"")[:20_000] and b"Guacamole" not in after
    (reply,) = scrub_step(ASKS, Reply(200, STREAM, acts=(Send(b"data: " + body + b"\n\n"),))).replies
    assert b"Guacamole" not in reply.acts[0].data  # type: ignore[index,union-attr]


def test_a_number_of_any_length_stays() -> None:
    body = json.dumps({"content": "Guacamole"}).encode()[:-1] + b', "n": ' + b"9" * 9000 + b"}"
    assert scrub_step(post(body)).request.body.endswith(b', "n": ' + b"9" * 9000 + b"}")


@pytest.mark.parametrize("said", ["keep-alive", "OPENROUTER PROCESSING", "ping - 2026-12-01 10:00:00.123456+00:00", ""])
def test_a_comment_that_only_keeps_a_stream_alive_stays_and_any_other_is_text(said: str) -> None:
    data = f": {said}\n\n: Guacamole\n\n".encode()
    after = (scrub_step(ASKS, Reply(200, STREAM, acts=(Send(data),))).replies[0].acts or ())[0]
    assert isinstance(after, Send) and after.data.startswith(f": {said}\n\n: ".encode())
    assert b"Guacamole" not in after.data and len(after.data) == len(data)
