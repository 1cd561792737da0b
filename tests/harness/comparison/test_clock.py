import pytest

from harness.comparison.clock import instant, near, readings, windows
from harness.comparison.tokens import Sort

MOMENT = 1795397989.0


@pytest.mark.parametrize(
    ("sort", "text", "moment"),
    [
        (Sort.HTTP_DATE, "Mon, 23 Nov 2026 01:39:49 GMT", MOMENT),
        (Sort.HTTP_DATE, "Mon, 99 Nov 2026 01:39:49 GMT", None),
        (Sort.ISO_DATE, "2026-11-23T01:39:49Z", MOMENT),
        (Sort.ISO_DATE, "2026-11-23 02:39:49+01:00", MOMENT),
        (Sort.ISO_DATE, "2026-11-23 01:39:49", MOMENT),
        (Sort.ISO_DATE, "2026-13-23 01:39:49", None),
        (Sort.NUMBER, "1795397989", MOMENT),
        (Sort.NUMBER, "1795397989000", MOMENT),
        (Sort.NUMBER, "8765", None),
        (Sort.ID, "msg_01ABCDEF", None),
    ],
)
def test_dates_and_numbers_are_moments_and_other_tokens_are_not(sort, text, moment):
    assert instant(sort, text) == moment


def test_a_minute_is_near():
    clock = [MOMENT - 500, MOMENT, MOMENT + 500]
    assert near(MOMENT + 60, clock)
    assert near(MOMENT - 60, clock)
    assert not near(MOMENT + 61, clock)
    assert not near(MOMENT, [])


def test_the_clock_is_read_from_the_dates_that_the_client_saw():
    def response(**headers):
        return {"response": {"headers": headers}}

    dates = ["Mon, 23 Nov 2026 01:39:49 GMT", "Mon, 23 Nov 2026 01:39:50 GMT"]
    client = {"0": response(date=dates[0]), "1": response(date=dates), "2": response(date="soon"), "3": response()}
    client["4"] = {"failure": {"kind": "cut"}}
    assert list(readings({"client": client})) == [MOMENT, MOMENT, MOMENT + 1]
    assert list(readings({})) == []


def test_what_is_left_of_the_gateways_own_limit_turns_with_the_clock_and_the_providers_does_not():
    headers = {
        "x-ratelimit-remaining-tokens": "7999982",
        "x-ratelimit-limit-tokens": "8000000",
        "x-ratelimit-remaining-requests": "99",
        "llm_provider-x-ratelimit-remaining-requests": "99",
    }
    tree = {"client": {"0": {"response": {"headers": headers}}, "1": {"failure": {"kind": "cut"}}}}
    assert list(windows(tree)) == ["/client/0/response/headers/x-ratelimit-remaining-tokens"]
