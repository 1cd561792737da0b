import json

from harness.model import Request
from harness.upstream.script import Candidate, choose


def post(text: str) -> Request:
    body = json.dumps({"messages": [{"role": "user", "content": text}]}, separators=(",", ":"))
    return Request("POST", "/v1/messages", (), body.encode())


def upstream(text: str) -> Request:
    """What a gateway makes of it: another path, spaces, and a key more."""
    body = json.dumps({"stream": False, "messages": [{"content": text, "role": "user"}]})
    return Request("POST", "/anthropic/v1/messages", (), body.encode())


LONG = "what is the weather like in the capital of that country today and tomorrow"


def test_a_single_candidate_is_chosen_whatever_the_call_says() -> None:
    assert choose([Candidate(post("apples"))], upstream("oranges")) == 0


def test_nobody_is_chosen_where_there_is_nobody() -> None:
    assert choose([], upstream("apples")) is None


def test_a_step_is_not_the_cause_of_a_call_with_another_method() -> None:
    assert choose([Candidate(post("apples"))], Request("GET", "/openai/v1/models")) is None


def test_among_several_the_likest_body_is_chosen() -> None:
    candidates = [Candidate(post(f"{LONG} {city}")) for city in ("Paris", "Rome", "Oslo")]
    assert [choose(candidates, upstream(f"{LONG} {city}")) for city in ("Oslo", "Paris", "Rome")] == [2, 0, 1]


def test_a_body_that_contains_the_call_and_more_is_less_like_it() -> None:
    candidates = [Candidate(post(f"{LONG} and then some more of it")), Candidate(post(LONG))]
    assert choose(candidates, upstream(LONG)) == 1


def test_equal_bodies_take_turns_the_first_one_first() -> None:
    same = post(LONG)
    assert choose([Candidate(same), Candidate(same)], upstream(LONG)) == 0
    assert choose([Candidate(same, calls=1), Candidate(same)], upstream(LONG)) == 1


def test_a_call_without_a_stream_is_not_that_of_the_twin_that_asks_for_one() -> None:
    """`"stream": false` shares one word more with `"stream": true` than with no such key at all."""
    twins = [Request("POST", "/", (), b'{"a":1,"stream":false}'), Request("POST", "/", (), b'{"a":1,"stream":true}')]
    candidates = [Candidate(twin) for twin in twins]
    assert choose(candidates, Request("POST", "/", (), b'{"a":1,"max_tokens":9}')) == 0
    assert choose(candidates, Request("POST", "/", (), b'{"stream": true,"a":1,"stream_options":{}}')) == 1
    assert choose(candidates, Request("POST", "/models/a:streamGenerateContent", (), b'{"a":1}')) == 1
