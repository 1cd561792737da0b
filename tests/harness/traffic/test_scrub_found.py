from __future__ import annotations

import pytest

from harness.model import Absent, Difference, Json, Outcome, Verdict
from harness.traffic.scrub_found import scrub_found

SECRET = "sk-live-of-somebody"


def scrubbed(path: str, value: Json) -> Json | Absent:
    verdict = Verdict("shadow/1", Outcome.DIFFERENT, unexplained=(Difference(path, value, Absent.ABSENT),))
    (found,) = scrub_found(verdict, b"key", [SECRET]).unexplained
    assert found.candidate is Absent.ABSENT and found.path == path
    return found.baseline


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/client/0/response/body/choices/0/message/content", "My name is Alice"),
        ("/client/0/response/stream/events/3/data/delta/text", "My name is Alice"),
        ("/client/0/response/stream/message/content/0/text", "My name is Alice"),
        ("/upstream/0/request/body/messages/1/content", "My name is Alice"),
        ("/upstream/0/request/body/messages/1/content/0/input/name", "Alice"),
        ("/client/0/response/body", "My name is Alice"),
        ("/client/0/response/stream/framing/incomplete", "data: My name is Alice"),
    ],
)
def test_what_somebody_said_does_not_stay(path: str, value: str):
    found = scrubbed(path, value)
    assert isinstance(found, str) and "Alice" not in found and len(found) == len(value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/client/0/response/status", 200),
        ("/client/0/response/headers/content-type", "text/event-stream"),
        ("/client/0/response/body/error/message", "The model is overloaded"),
        ("/client/0/response/body/stop_reason", "end_turn"),
        ("/client/0/response/body/id", "<id 1>"),
        ("/client/0/response/stream/events/0", {"event": "ping", "data": {"type": "ping"}}),
        ("/upstream/0/request/headers/x-api-key", "<key>"),
        ("/effects/calls/0", 1),
    ],
)
def test_what_a_protocol_says_stays(path: str, value: Json):
    assert scrubbed(path, value) == value


def test_secrets_and_cookies_do_not_stay_wherever_they_stand():
    assert scrubbed("/client/0/response/headers/x-odd", f"a {SECRET}") != f"a {SECRET}"
    cookie = scrubbed("/client/0/response/headers/llm_provider-set-cookie", "cf=abcdefgh1234; path=/")
    assert isinstance(cookie, str) and "abcdefgh1234" not in cookie and cookie.endswith("; path=/")
    whole = scrubbed(
        "/upstream/1", {"request": {"headers": {"authorization": f"Bearer {SECRET}"}, "body": {"a": "Al"}}}
    )
    assert SECRET not in str(whole) and "Bearer" in str(whole) and "'Al'" not in str(whole)


def test_the_order_of_keys_is_shown_by_their_names():
    order = Difference("/client/0/response/body", ["alpha", "beta"], ["beta", "alpha"], order=True)
    (found,) = scrub_found(Verdict("s", Outcome.DIFFERENT, unexplained=(order,)), b"key", []).unexplained
    assert found == order
