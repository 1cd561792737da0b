import gzip

import pytest

from harness.model import Request, Send
from harness.performance.reception import Reception
from harness.upstream.autoplay import answer

ROUTES = ["/v1/messages", "/v1/chat/completions", "/v1/responses"]


def streamed(path: str) -> list[bytes]:
    reply = answer(Request("POST", path, (), b'{"model":"m","stream":true}'))
    return [act.data for act in reply.acts or () if isinstance(act, Send)]


def received(path: str, pieces: list[bytes], status: int = 200) -> Reception:
    reception = Reception(path, streams=True, status=status)
    for number, piece in enumerate(pieces):
        reception.got(piece, float(number))
    return reception


@pytest.mark.parametrize("path", ROUTES[:2])
def test_a_whole_stream_is_right_and_its_first_content_has_a_time(path: str) -> None:
    pieces = streamed(path)
    reception = received(path, pieces)
    first = next(number for number, piece in enumerate(pieces) if b"A short" in piece)
    assert (reception.wrong(), reception.ttft) == (None, float(first))
    assert reception.gaps and set(reception.gaps) == {1.0}


@pytest.mark.parametrize("path", ROUTES[:2])
@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (lambda whole: whole[:-1], "the stream ends with"),
        (lambda whole: [*whole[:-1], whole[-1][:-1]], "within an event"),
        (lambda _: [], "no event"),
        (lambda whole: [whole[0], b'event: error\ndata: {"type":"error","error":{}}\n\n'], "an error in the stream"),
        (lambda whole: [whole[0], b'data: {"error":{"message":"no"}}\n\n'], "an error in the stream"),
    ],
)
def test_half_a_stream_is_wrong_though_its_status_is_200(path, pieces, said) -> None:
    assert said in (received(path, pieces(streamed(path))).wrong() or "")


def test_an_error_status_is_wrong_and_says_its_beginning() -> None:
    assert received("/v1/messages", [b'{"type":"error"}'], 529).wrong() == 'HTTP 529: {"type":"error"}'


@pytest.mark.parametrize(
    ("body", "zipped", "right"), [(b"{}", False, True), (b"{", False, False), (b"[]", False, False)]
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_whole_answer_is_one_object(body, zipped, right, packed) -> None:
    reception = Reception("/v1/messages", streams=False, status=200, gzip=packed)
    reception.got(gzip.compress(body, mtime=0) if packed else body, 0.5)
    assert (reception.wrong() is None) is right
    assert reception.ttft == 0.5
