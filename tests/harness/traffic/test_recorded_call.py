from __future__ import annotations

from harness.traffic.recorded_call import RecordedCall

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def test_a_call_is_open_until_its_answer_is_complete() -> None:
    call = RecordedCall("GET", "/", ())
    assert not call.feed(WHOLE[:-1])
    assert call.is_open
    assert call.feed(WHOLE[-1:])
    assert not call.is_open


def test_a_call_is_not_open_once_either_side_has_hung_up() -> None:
    left, cut = RecordedCall("GET", "/", ()), RecordedCall("GET", "/", ())
    left.left()
    cut.ended("reset: by peer")
    assert not left.is_open
    assert not cut.is_open
