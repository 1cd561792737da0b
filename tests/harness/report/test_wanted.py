from __future__ import annotations

import pytest

from harness.report.wanted import ROUTES, STREAMED, answers, impossible, is_other_path, places


def test_only_streams_fail_in_mid_stream() -> None:
    assert set(answers(streams=True)) - set(answers(streams=False)) == set(STREAMED)
    assert ("POST /v1/messages", True) in {*places()}
    assert ("POST /v1/embeddings", True) not in {*places()}


@pytest.mark.parametrize(
    ("provider", "answer", "possible"),
    [
        ("anthropic", "200, 529 in mid-stream", True),
        ("anthropic", "200, 422 before the first event", False),
        ("anthropic", "422", True),
        ("google", "200, 529 in mid-stream", False),
        ("google", "529", True),
        ("openai", "200, 422 in mid-stream", True),
        ("anthropic", "200, cut in mid-stream", True),
    ],
)
def test_a_provider_reports_in_a_stream_only_what_its_protocol_has_a_word_for(
    provider: str, answer: str, possible: bool
) -> None:
    assert (impossible("POST /v1/chat/completions", True, provider, answer) is None) == possible


def test_only_a_streamed_message_of_gemini_cannot_be_left_before_it_begins() -> None:
    place = "POST /v1/messages"
    assert impossible(place, True, "google", "client leaves before the answer") is not None
    assert impossible(place, False, "google", "client leaves before the answer") is None
    assert impossible(place, True, "anthropic", "client leaves before the answer") is None


def test_openai_has_three_codes_for_responses_that_fail() -> None:
    told = [answer for answer in STREAMED if impossible("POST /v1/responses", True, "openai", answer) is None]
    assert [answer for answer in told if answer.endswith("in mid-stream")] == [
        f"200, {fault} in mid-stream" for fault in ("400", "429", "500", "cut", "truncated")
    ]


@pytest.mark.parametrize(
    ("route", "other"),
    [
        ("POST /chat/completions", True),
        ("POST /openai/v1/responses", True),
        ("POST /engines/{id}/chat/completions", True),
        ("POST /openai/deployments/{id}/completions", True),
        ("POST /v1/chat/completions", False),
        ("POST /v1/rerank", False),
        ("POST /rerank", False),
    ],
)
def test_another_path_leads_to_a_route_of_the_list(route: str, other: bool) -> None:
    assert is_other_path(route) == other
    assert route not in ROUTES or not other
