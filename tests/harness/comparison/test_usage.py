import json

import pytest

from harness.comparison.usage import disagreements
from harness.model import Exchange, Request, Response

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


def streamed(usage, path="/v1/messages", **more):
    request = Request("POST", path, (), json.dumps({**BODY, "stream": True, **more}).encode())
    return Exchange(request, Response(200)), {"response": {"stream": {"message": {"usage": usage}}}}


def whole(usage, path="/v1/messages", **more):
    request = Request("POST", path, (), json.dumps({**BODY, **more}).encode())
    return Exchange(request, Response(200)), {"response": {"body": {"usage": usage}}}


def counted(tokens):
    request = Request("POST", "/v1/messages/count_tokens?beta=true", (), json.dumps(BODY).encode())
    return Exchange(request, Response(200)), {"response": {"body": {"input_tokens": tokens}}}


USAGE = {"input_tokens": 12, "output_tokens": 5}


def found(*steps):
    return disagreements(dict(enumerate(steps)))


def test_a_stream_that_counts_as_the_whole_answer_does_agrees():
    assert found(streamed(USAGE), whole(USAGE)) == []


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"input_tokens": 0, "output_tokens": 5}, "input 0 and 12"),
        ({"input_tokens": 12, "output_tokens": 6}, "output 6 and 5"),
        ({**USAGE, "cache_read_input_tokens": 3}, "input 15 and 12"),
    ],
)
def test_a_stream_that_counts_otherwise_is_told(usage, told):
    assert found(streamed(usage), whole(USAGE)) == [f"steps 0 and 1: {told}"]


def test_openais_names_mean_the_same():
    usage = {"prompt_tokens": 7, "completion_tokens": 1}
    chat = "/v1/chat/completions"
    assert found(streamed(usage, chat, stream_options={"include_usage": True}), whole(usage, chat)) == []
    assert found(streamed({**usage, "prompt_tokens": 8}, chat), whole(usage, chat)) == ["steps 0 and 1: input 8 and 7"]


def test_tokens_that_were_counted_beforehand_are_those_of_the_input():
    assert found(counted(12), whole(USAGE)) == []
    assert found(whole(USAGE), counted(17)) == ["steps 0 and 1: input 12 and 17"]


def test_steps_that_ask_for_different_things_are_not_compared():
    other = whole({"input_tokens": 1, "output_tokens": 1}, messages=[])
    assert found(whole(USAGE), other, (Exchange(Request("GET", "/"), Response(200)), {"response": {"body": "x"}})) == []
