import gzip
import json

import pytest

from harness.event_stream import encode
from harness.upstream.ending import is_whole

LAST = [
    "[DONE]",
    json.dumps({"type": "message_stop"}),
    json.dumps({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
    json.dumps({"type": "response.completed", "response": {}}),
    json.dumps({"type": "response.incomplete"}),
    json.dumps({"candidates": [{"content": {}, "finishReason": "STOP"}]}),
    json.dumps({"type": "error", "error": {"type": "overloaded_error"}}),
    json.dumps({"error": {"message": "The server had an error"}}),
]
OTHERS = [
    '{"type":"message_delta"}',
    '{"type":"message_delta","delta":{"stop_reason":null}}',
    '{"candidates":[{"content":{}}]}',
    '{"candidates":7}',
    '{"error":null}',
    "[]",
    "text",
    "[" * 99_999,
]


@pytest.mark.parametrize("data", LAST)
def test_a_stream_is_whole_after_its_protocols_last_event(data: str) -> None:
    assert is_whole((), encode('{"a":1}') + encode(data) + b": more\n\n")


@pytest.mark.parametrize("data", OTHERS)
def test_it_is_not_after_any_other(data: str) -> None:
    assert not is_whole((), encode(data))


def test_it_is_not_while_the_last_event_lacks_its_blank_line() -> None:
    assert not is_whole((), b"data: [DONE]\n")


def test_what_was_sent_compressed_is_read_as_far_as_it_goes() -> None:
    packed = gzip.compress(encode("[DONE]"))
    headers = (("Content-Encoding", "gzip"),)
    assert is_whole(headers, packed[:-8])
    assert not is_whole(headers, packed[:12])
    assert not is_whole(headers, b"not gzip")
