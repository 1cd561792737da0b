from pathlib import Path

import pytest

from harness.report.collected import MEASURED, Measurement
from harness.report.redaction import Redaction
from harness.report.summary import summary
from harness.report.whole import tone_of, whole
from tests.harness.report.judgements import judgement
from tests.harness.report.runs import MADE, gate


def measurement(name, tree):
    return Measurement(name, "1", Path("reports/runs/1"), MADE["at"], MADE, tree)


def made_of(stale=None, **trees):
    return whole({name: measurement(name, tree) for name, tree in trees.items()}, stale or {}, MADE, 1)


def test_the_gate_has_the_word():
    assert made_of(gate=gate())["verdict"] == {
        "word": "INCONCLUSIVE",
        "tone": "unsure",
        "told": "1 of 2 targets are met.",
    }


@pytest.mark.parametrize(("outcome", "tone"), [("same", "good"), ("different", "bad"), ("noisy", "unsure")])
def test_without_a_gate_parity_speaks_and_says_so(outcome, tone):
    verdict = made_of(parity=summary(judgement(outcome), Redaction()))["verdict"]
    assert verdict["tone"] == tone and "the gate was not run" in verdict["told"]


def test_a_stale_verdict_says_so_and_is_no_longer_good():
    verdict = made_of({"gate": ["made of another commit"]}, gate=gate(verdict="READY"))["verdict"]
    assert verdict["word"] == "READY" and verdict["tone"] == "unsure" and "made of another commit" in verdict["told"]


def test_a_stale_verdict_that_was_bad_stays_bad():
    assert made_of({"gate": ["made of another commit"]}, gate=gate(verdict="NOT READY"))["verdict"]["tone"] == "bad"


def test_nothing_is_made_up():
    told = made_of()
    assert told["verdict"]["word"] == "Nothing was measured"
    assert all(told[name] is None for name in MEASURED)
    assert all(one["at"] is None and one["command"].startswith(("nox -s ", "python ")) for one in told["measured"])


@pytest.mark.parametrize(
    ("word", "tone"),
    [("passed", "good"), ("failed", "bad"), ("NOT READY", "bad"), ("what", "unsure"), (None, "unsure")],
)
def test_a_word_has_a_tone(word, tone):
    assert tone_of(word) == tone
