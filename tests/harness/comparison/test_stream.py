import json

import pytest

from harness.comparison.stream import ended, stream_tree
from harness.event_stream import encode


def anthropic(*kinds):
    return b"".join(encode(json.dumps({"type": kind, "message": {}}), kind) for kind in kinds)


def test_a_stream_is_its_events_its_message_its_grammar_its_framing_and_its_end():
    assert stream_tree(anthropic("message_start", "message_delta", "message_stop"), "/v1/messages?beta=true") == {
        "events": [
            {"event": kind, "data": {"type": kind, "message": {}}}
            for kind in ("message_start", "message_delta", "message_stop")
        ],
        "message": {"message": {}, "usage": {}, "content": []},
        "grammar": [],
        "framing": {"shapes": ["event: \\n data: \\n \\n"], "written": ["blanks"], "comments": [], "incomplete": ""},
        "ended": "message_stop",
    }


def test_the_path_says_which_protocol_the_client_expects():
    body = encode("[DONE]")
    assert stream_tree(body, "/v1/chat/completions")["grammar"] == []
    assert stream_tree(body, "/v1/messages")["grammar"] == ["event 0: '': its data is not a JSON object"]
    assert stream_tree(body, "/v1/responses")["grammar"] == ["event 0: its data is not a JSON object"]
    assert "grammar" not in stream_tree(body, "/v1/embeddings")


@pytest.mark.parametrize(
    ("raw", "shape"),
    [
        (b"data: 1\n\n", "data: \\n \\n"),
        (b"data:1\r\n\r\n", "data:\\r\\n \\r\\n"),
        (
            b": ping\nid: 7\nretry: 5\ndata: 1\ndata: 2\n\n",
            ":\\n id: \\n retry: \\n data: \\n data: \\n \\n",
        ),
    ],
)
def test_fields_spaces_and_line_ends_are_its_framing(raw, shape):
    assert stream_tree(raw, "/x")["framing"]["shapes"] == [shape]


def test_comments_and_an_unfinished_event_are_kept():
    seen = stream_tree(b": keep-alive\n\ndata: 1\n\ndata: 2\n", "/x")
    assert seen["framing"]["comments"] == ["keep-alive"]
    assert seen["framing"]["incomplete"] == "data: 2\n"
    assert seen["events"] == [{"event": "", "data": "1"}]


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([], "nothing"),
        ([("", "[DONE]")], "[DONE]"),
        ([("message_stop", {"type": "message_stop"})], "message_stop"),
        ([("", {"object": "chat.completion.chunk", "choices": []})], "chat.completion.chunk"),
        ([("error", {"type": "error", "error": {}})], "error"),
        ([("", {"error": {"message": "x"}})], "error"),
        ([("", {"type": "response.completed", "error": None})], "response.completed"),
    ],
)
def test_a_streams_end_is_what_came_last(events, end):
    assert ended(events) == end
