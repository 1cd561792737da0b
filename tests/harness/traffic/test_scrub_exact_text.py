"""The characters of `exact-text` scenarios outlast scrubbing: a recording of such texts is as telling as they are."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.model import Request, Scenario, Step
from harness.traffic.pseudonym import Pseudonyms
from harness.traffic.scenario_file import read
from harness.traffic.scrub import scrub
from harness.traffic.scrub_text import Texts

CURL = Path(__file__).parents[3] / "scenarios" / "curl"
TEXTS = Texts.of(Pseudonyms(b"key"))
KEPT = (
    "\u00a0 \u202f \u3000",
    "\u200b\u200c\u2060\u00ad",
    "two  three   four    .",
    "\t\ttwo \t",
    "\r\n\r\n\n",
    "\ufeff",
    "\u200f\u202e\u202c\u2067\u2069\u200e",
    "\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308 1\ufe0f\u20e3",
    "e\u0301 q\u0307\u0323",
    "https:\\/\\/a\\/c \\n",
)


def marks(text: str) -> list[str]:
    """Everything but letters and digits, which give way to stand-ins."""
    return ["x" if char.isalnum() else char for char in text]


@pytest.mark.parametrize("text", KEPT)
@pytest.mark.parametrize("change", [TEXTS.keep, TEXTS.fill])
def test_what_is_no_letter_stays_character_by_character(text: str, change: Callable[[str], str]) -> None:
    words = f"  Words {text} words \n "
    scrubbed = change(words)
    assert marks(scrubbed) == marks(words)
    assert len(scrubbed.encode()) == len(words.encode())


def test_the_text_of_a_scenario_keeps_them_in_a_body() -> None:
    words = str(json.loads(read(CURL / "exact-text-embeddings-openai.yaml").steps[0].request.body)["input"][1])
    assert words.startswith("  \t\u00a0") and words.endswith("\n\n \u3000\n")
    body = json.dumps({"model": "m", "input": words}, ensure_ascii=False, separators=(",", ":")).encode()
    step = Step(Request("POST", "/v1/embeddings", (("Content-Type", "application/json"),), body))
    (scrubbed,) = scrub([Scenario("a/b", "a", "A title", "scripted", (), (step,))], b"key")
    after = str(json.loads(scrubbed.steps[0].request.body)["input"])
    assert after != words
    assert marks(after) == marks(words)
