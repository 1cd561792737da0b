import json
import struct
from base64 import b64decode

from harness.event_stream import parse
from harness.model import Reply, Send
from harness.upstream import openai_further_wire as wire


def data_of(reply: Reply) -> list[str]:
    events, incomplete = parse(b"".join(act.data for act in reply.acts or () if isinstance(act, Send)))
    assert incomplete == b""
    return [event.data for event in events]


def test_an_encoded_embedding_is_the_same_numbers() -> None:
    (plain,) = json.loads(wire.embeddings([(0.25, -0.5)]).body)["data"]
    (packed,) = json.loads(wire.embeddings([(0.25, -0.5)], encoded=True).body)["data"]
    assert list(struct.unpack("<2f", b64decode(packed["embedding"]))) == plain["embedding"] == [0.25, -0.5]


def test_the_pieces_of_a_completion_are_its_text_and_the_last_one_says_that_it_ended() -> None:
    *chunks, done = data_of(wire.completion_streams(" It adds two numbers.", parts=3))
    choices = [json.loads(chunk)["choices"][0] for chunk in chunks]
    assert "".join(choice["text"] for choice in choices) == " It adds two numbers."
    assert [choice["finish_reason"] for choice in choices] == [None, None, None, "stop"]
    assert done == "[DONE]"


def test_a_completion_tells_its_usage_only_where_it_is_asked_to() -> None:
    assert not any("usage" in chunk for chunk in data_of(wire.completion_streams("a")))
    *_, told, _ = data_of(wire.completion_streams("a", include_usage=True))
    assert json.loads(told)["choices"] == []
    assert json.loads(told)["usage"]["total_tokens"] == 10
