import json

import pytest

from harness.model import Reply, Request, Step
from harness.upstream.speech import Speech, Voice
from tests.harness.wire import post, scenario


def asking(text: str, **more: object) -> Request:
    return post(json.dumps({"model": "a", "messages": [{"role": "user", "content": text}], **more}).encode())


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]},
        {
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Why?", "id": "x"}]}],
            "system": "Be brief.",
        },
        {"input": "Why?", "instructions": "Be brief."},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Why?"}]}]},
        {"prompt": "Why?"},
        {"contents": [{"role": "user", "parts": [{"text": "Why?"}]}]},
    ],
)
def test_the_users_words_are_found_in_every_protocol(body: dict[str, object]) -> None:
    assert Speech.of(post(json.dumps(body).encode())).said == {"Why?"}


def test_words_are_heard_whatever_a_gateway_makes_of_the_structure_and_the_escapes() -> None:
    translated = b'{"contents":[{"parts":[{"text":"Caf\\u00e9?\\n\\nAnd \\"why\\"?"}],"role":"user"}],"x":1}'
    assert Speech.of(asking('Café?\r\n\r\nAnd "why"?')).heard_in(Speech.of(post(translated)).whole)


def test_other_words_are_not_heard() -> None:
    assert not Speech.of(asking("apples")).heard_in(Speech.of(asking("oranges")).whole)


@pytest.mark.parametrize("body", [b"", b"{}", b"not JSON", b"[]", b'{"messages":[]}', b'{"input":3}', b"[" * 100_000])
def test_who_says_nothing_is_never_heard(body: bytes) -> None:
    assert not Speech.of(post(body)).heard_in("anything")


def test_scenarios_whose_words_differ_can_be_played_at_once() -> None:
    assert not Voice.of(scenario(Step(asking("apples")))).like(Voice.of(scenario(Step(asking("oranges")))))


def test_a_scenario_whose_words_are_all_in_another_cannot() -> None:
    short, long = (Voice.of(scenario(Step(asking(text)))) for text in ("apples", "two apples"))
    assert short.like(long)
    assert long.like(short)


def test_only_a_call_to_come_that_says_nothing_is_silent() -> None:
    listing, hello = Request("GET", "/v1/models"), asking("Hello")
    assert Voice.of(scenario(Step(hello), Step(listing, (Reply(),)))).silent
    assert not Voice.of(scenario(Step(hello, (Reply(),)), Step(listing))).silent
