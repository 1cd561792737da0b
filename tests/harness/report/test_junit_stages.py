from typing import Any
from xml.etree import ElementTree

from harness.model import Planted
from harness.report.junit import whole_junit
from harness.report.sabotage import sabotage_summary

PLANTED = (
    Planted("a header is lost", "client", "headers", "curl/a", True, ("headers",), "/client/0/a"),
    Planted("a ping is lost", "client", "events", "curl/b", True),
    Planted("a cookie is lost", "upstream", "must", "curl/c", False),
)
WHOLE: dict[str, Any] = {
    "parity": None,
    "gate": {
        "seconds": 12.5,
        "lines": [
            {
                "metric": "memory",
                "target": "< 350 MB",
                "value": 400.0,
                "unit": "MB",
                "verdict": "failed",
                "measured_as": "RSS",
                "evidence": "gate-load.json",
                "why": "",
            }
        ],
    },
    "sabotage": sabotage_summary(PLANTED, 7, 1.0, {"baseline": "binary", "candidate": "sdk"}),
    "clients": {
        "target": "sdk",
        "clients": [
            {"client": "curl", "version": "8.5", "situations": 3, "wrong": [], "missing": ""},
            {"client": "openai-java", "version": "", "situations": 0, "wrong": [], "missing": "there is no Maven"},
            {"client": "openai-node", "version": "6", "situations": 2, "wrong": ["chat: \x00500"], "missing": ""},
        ],
    },
    "cookies": {"phases": [{}, {}], "problems": []},
    "self": {
        "runs": 2,
        "scenarios": 5,
        "details": [{"run": 2, "scenario": "curl/a", "outcome": "noisy", "paths": ["/client/0"]}],
    },
}


def outcomes(suite: ElementTree.Element) -> dict[str | None, str]:
    return {case.get("name"): next(iter(case)).tag for case in suite}


def test_every_stage_is_a_suite_with_what_came_of_it() -> None:
    suites = {suite.get("name"): suite for suite in ElementTree.fromstring(whole_junit(WHOLE))}
    assert {name: outcomes(suite) for name, suite in suites.items()} == {
        "gate": {"memory": "failure"},
        "sabotage": {"a header is lost": "system-out", "a ping is lost": "failure", "a cookie is lost": "error"},
        "clients": {"curl": "system-out", "openai-java": "error", "openai-node": "failure"},
        "cookies": {"challenges per origin": "system-out"},
        "self": {"run 1": "system-out", "run 2": "failure"},
    }


def test_the_counts_of_all_stages_add_up() -> None:
    root = ElementTree.fromstring(whole_junit(WHOLE))
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "10",
        "failures": "4",
        "errors": "2",
    }


def test_what_was_not_measured_is_no_suite() -> None:
    root = ElementTree.fromstring(whole_junit({**WHOLE, "sabotage": None, "clients": None, "self": None}))
    assert [suite.get("name") for suite in root] == ["gate", "cookies"]
