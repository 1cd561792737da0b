import json
from collections import Counter

from harness.replay.client import wire_bytes
from harness.trials.fuzzed import GREAT, ROUTES, fuzzed, great


def test_one_seed_makes_the_same_requests_and_another_one_others():
    assert fuzzed(30, 1, "key") == fuzzed(30, 1, "key") != fuzzed(30, 2, "key")
    assert len(fuzzed(30, 1, "key")) == 30


def test_most_requests_go_to_a_route_with_the_key_and_some_are_well_formed():
    made = fuzzed(200, 1, "key")
    routed = [each for each in made if each.path in ROUTES and each.method in ("GET", "POST")]
    assert len(routed) > 100
    assert Counter(("Authorization", "Bearer key") in each.headers for each in made)[True] > 100
    assert sum(_is_object(each.body) for each in made) > 50


def test_every_request_can_be_written():
    for each in fuzzed(200, 3, "key"):
        assert wire_bytes(each, "host").startswith(each.method.encode())


def test_the_great_ones_are_as_large_as_a_provider_takes():
    for each in great("key"):
        assert GREAT <= len(each.body) < GREAT + 1000
        assert _is_object(each.body)


def _is_object(body):
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
