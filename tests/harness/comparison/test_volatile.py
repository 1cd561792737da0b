import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.canonical import canonical_pair
from harness.comparison.compare import compare
from harness.comparison.tokens import Sort
from harness.comparison.volatile import JSON_NUMBER, WHOLE, learn, leaves, leaves_at, prefixes
from tests.harness.comparison.strategies import JSON


def client(**response):
    return {"client": {"0": {"response": response}}}


def headers(**values):
    return client(status=200, headers={name.replace("_", "-"): value for name, value in values.items()})


def learnt(one, other):
    return learn_all(s=(one, other))["s"]


def learn_all(**pairs):
    """Scenario=(one run, the other run)."""
    volatile = learn((name, *pair) for name, pair in pairs.items())
    return {name: volatile.places(name, pair[0]) for name, pair in pairs.items()}


def test_only_the_differing_parts_of_a_text_are_volatile():
    one = client(body={"error": {"message": "call req_0123abcd failed on port 41234 after 3 tries"}})
    other = client(body={"error": {"message": "call req_9876fedc failed on port 40001 after 3 tries"}})
    assert learnt(one, other) == {"/client/0/response/body/error/message": {1: Sort.ID, 5: Sort.NUMBER}}


def test_numbers_are_volatile_as_numbers_and_not_as_texts():
    assert learnt(client(body={"created": 5001}), client(body={"created": 5002})) == {
        "/client/0/response/body/created": {JSON_NUMBER: Sort.NUMBER}
    }


def test_a_base64_id_whose_parts_do_not_line_up_is_volatile_as_a_whole():
    one, other = headers(x="resp_0/abc/1234=="), headers(x="resp_0abc1234/x==")
    assert learnt(one, other) == {"/client/0/response/headers/x": {WHOLE: Sort.ID}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (client(status=200), client(status=500)),
        (client(body={"stop_reason": "end_turn"}), client(body={"stop_reason": "max_tokens"})),
        (client(body={"usage": {"tokens": 3}}), client(body={"usage": {"tokens": 4}})),
        (headers(x_litellm_attempted_retries="0"), headers(x_litellm_attempted_retries="1")),
        (client(body={"message": "failed with 503"}), client(body={"message": "failed with 500"})),
        (client(body={"n": 1}), client(body={"n": None})),
        (client(body={"n": 1}), client(body={"n": "1"})),
        (client(body={"n": True}), client(body={"n": False})),
        (client(body={"a": [1, 2]}), client(body={"a": [3]})),
        (client(body={"text": "12 words here"}), client(body={"text": "12 words"})),
        (client(stream={"events": [{"event": "ping"}]}), client(stream={"events": [{"event": "message_start"}]})),
        (client(stream={"grammar": ["event 1: x"]}), client(stream={"grammar": ["event 2: x"]})),
        ({"effects": {"calls": [1]}}, {"effects": {"calls": [3]}}),
    ],
)
def test_what_flickers_without_being_generated_is_noise_and_is_not_learnt(one, other):
    assert learnt(one, other) == {}


def test_a_date_that_was_the_same_twice_by_chance_is_volatile_even_where_no_scenario_saw_it_change():
    date = "Mon, 23 Nov 2026 01:39:49 GMT"
    assert learnt(headers(date=date), headers(date=date)) == {"/client/0/response/headers/date": {0: Sort.HTTP_DATE}}


def test_a_number_that_was_the_same_twice_by_chance_is_volatile_where_another_scenario_saw_it_change():
    found = learn_all(a=(headers(x_ms="1.5"), headers(x_ms="1.7")), b=(headers(x_ms="2"), headers(x_ms="2")))
    assert found["b"] == found["a"] == {"/client/0/response/headers/x-ms": {0: Sort.NUMBER}}


def test_an_id_is_volatile_only_in_the_scenario_where_it_was_made_up():
    made_up = client(body={"id": "chatcmpl-0123"}), client(body={"id": "chatcmpl-9876"})
    passed_through = client(body={"id": "msg_01ABCDEF"}), client(body={"id": "msg_01ABCDEF"})
    found = learn_all(made_up=made_up, passed_through=passed_through)
    assert found["made_up"]
    assert not found["passed_through"]


@pytest.mark.parametrize(
    ("time", "volatile"),
    [
        (1795397989, True),
        (1795397989.25, True),
        (1795397989123, True),
        ("2026-11-23T01:39:50Z", True),
        ("at 2026-11-23 01:39:50, it", True),
        (1677610602, False),
        ("2023-02-28T18:56:42Z", False),
        ("Tue, 24 Nov 2026 01:39:49 GMT", False),
        (49, False),
        ("99:99 is no time, nor 99999999999999999999", False),
    ],
)
def test_a_time_near_the_responses_date_was_read_from_the_clock_and_another_was_passed_through(time, volatile):
    tree = client(headers={"date": "Mon, 23 Nov 2026 01:39:49 GMT"}, body={"time": time})
    assert ("/client/0/response/body/time" in learnt(tree, tree)) is volatile


def test_a_number_in_one_error_message_says_nothing_about_another_message():
    port = client(body={"message": "no answer from port 41234"}), client(body={"message": "no answer from port 41235"})
    limit = client(body={"message": "not more than limit 32"}), client(body={"message": "not more than limit 32"})
    assert not learn_all(port=port, limit=limit)["limit"]


def test_the_step_of_a_client_is_part_of_a_place_and_other_indices_are_not():
    tree = {"client": {"0": {"a": [1, 2]}, "1": {"a": [3]}}, "upstream": [{"b": 4}, {"b": 5}]}
    assert [place for place, _ in leaves(tree)] == [
        "/client/0/a/*",
        "/client/0/a/*",
        "/client/1/a/*",
        "/upstream/*/b",
        "/upstream/*/b",
    ]


def test_what_is_left_of_a_gateways_own_limit_may_be_another_number_but_nothing_else():
    def left(value):
        return {"client": {"0": {"response": {"headers": {"x-ratelimit-remaining-tokens": value}}}}}

    places = learn([("s", left("7999982"), left("7999982"))]).places("s", left("7999982"))
    assert compare(*canonical_pair(left("7999982"), left("8000000"), places)) == ()
    assert compare(*canonical_pair(left("7999982"), left("none"), places)) != ()


def test_how_long_something_took_may_be_another_number_and_0_as_well_but_nothing_else():
    def took(**headers):
        return {"client": {"0": {"response": {"headers": headers}}}}

    name = "x-litellm-callback-duration-ms"
    places = learn([("s", took(**{name: "0.0"}), took(**{name: "0.0"}))]).places("s", took(**{name: "0.0"}))
    assert compare(*canonical_pair(took(**{name: "0.0"}), took(**{name: "0.3364"}), places)) == ()
    assert compare(*canonical_pair(took(**{name: "0.0"}), took(**{name: "None"}), places)) != ()
    assert compare(*canonical_pair(took(**{name: "0.0"}), took(), places)) != ()


@given(JSON, st.sets(st.sampled_from(["/a", "/a/b", "/*", "/a/*", "/x/y", "/b/*/a", "/"])))
def test_leaves_at_some_places_are_those_of_all_leaves_that_are_there(tree, places):
    assert [*leaves_at(tree, places)] == [(place, leaf) for place, leaf in leaves(tree) if place in prefixes(places)]
