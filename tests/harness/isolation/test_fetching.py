from __future__ import annotations

import json

import pytest

from harness.isolation.fetching import is_fetching

URL = "https://example.com/a.png"


def body(part: object) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": [part]}]}).encode()


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "input_image", "image_url": URL},
        {"type": "image", "source": {"type": "url", "url": URL}},
        {"file_data": {"file_uri": "gs://bucket/a.pdf"}},
        {"image_url": [URL]},
    ],
)
def test_an_address_that_is_not_passed_on_was_fetched(part: object) -> None:
    assert is_fetching(body(part), [b'{"inlined": "aGk="}'])
    assert is_fetching(body(part), [])
    assert not is_fetching(body(part), [b"{}", body(part)])


@pytest.mark.parametrize("part", [{"text": URL}, {"image_url": "data:image/png;base64,aGk="}, {"url": 3}])
def test_words_and_inlined_pictures_are_not_fetched(part: object) -> None:
    assert not is_fetching(body(part), [])


def test_what_is_no_json_names_nothing() -> None:
    assert not is_fetching(b"--boundary", [])
