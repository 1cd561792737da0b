import json

import pytest

from harness.model import Excess, Footprint, Role
from harness.report.redaction import Redaction
from harness.report.summary import outcomes, summary
from tests.harness.report.judgements import DECLARED, judgement


def test_the_summary_of_a_run_keeps_its_keys_and_shapes():
    told = summary(judgement("different"), Redaction())
    assert told.pop("coverage").keys() == {"cells", "holes", "excluded"}
    assert told == {
        "verdict": "the proxies differ",
        "exit_code": 1,
        "problem": None,
        "cosmetic": "agree",
        "run": "2026-11-23-a1",
        "seed": 42,
        "seconds": 12.3,
        "targets": [
            {"name": "binary", "role": "baseline", "version": "LiteLLM 1.106.2"},
            {"name": "binary", "role": "baseline again", "version": "LiteLLM 1.106.2"},
            {"name": "sdk", "role": "candidate", "version": "LiteLLM SDK 1.106.2"},
        ],
        "scenarios": [
            {
                "id": "claude-code/different",
                "client": "claude-code",
                "title": "It is | claude-code/different",
                "source": "scripted",
                "covers": ["stream", "tools"],
                "outcome": "different",
                "problem": None,
                "replays": 0,
                "differences": [
                    {
                        "path": "/client/0/response/body/error/message",
                        "kind": "changed",
                        "severity": None,
                        "baseline": "no | `such` model <x>",
                        "candidate": "other\nline \x1b[31m\ud800",
                        "declared_by": None,
                    },
                    {
                        "path": "/client/1/response/body/n",
                        "kind": "type",
                        "severity": None,
                        "baseline": 1,
                        "candidate": None,
                        "declared_by": None,
                    },
                    {
                        "path": "/client/0/response/headers/server",
                        "kind": "missing",
                        "severity": None,
                        "baseline": "uvicorn",
                        "candidate": None,
                        "declared_by": "server",
                    },
                ],
                "noise": [],
                "musts": [],
            }
        ],
        "footprints": [],
        "excesses": [],
        "totals": {
            "scenarios": 1,
            "exchanges_client": 30,
            "exchanges_upstream": 41,
            "declared": 1,
            "undeclared": 2,
            "cosmetic": 0,
            "unused_declarations": 0,
        },
        "declarations": [
            {
                "id": "server",
                "where": "**/server",
                "kinds": ["missing"],
                "why": "LiteLLM's own server.",
                "since": "2026-11-23",
                "until": None,
                "better": False,
                "scenarios": 1,
            }
        ],
        "stale_declarations": [],
    }


@pytest.mark.parametrize(
    ("outcomes", "policy", "verdict", "code"),
    [
        (("same", "cosmetic"), "agree", "the proxies agree, but for 1 cosmetic difference", 0),
        (("same", "cosmetic"), "differ", "the proxies differ, in 1 cosmetic difference alone", 1),
        (("cosmetic", "different"), "agree", "the proxies differ", 1),
        (("cosmetic", "noisy"), "agree", "no judgement is possible", 2),
    ],
)
def test_cosmetic_differences_are_named_in_the_verdict_and_counted_apart(outcomes, policy, verdict, code):
    result = summary(judgement(*outcomes, cosmetic=policy), Redaction())
    assert (result["verdict"], result["exit_code"], result["cosmetic"]) == (verdict, code, policy)
    assert result["totals"]["cosmetic"] == 1
    assert [one["severity"] for each in result["scenarios"] for one in each["differences"]].count("cosmetic") == 1


def test_a_run_in_which_no_call_reached_an_upstream_never_agrees():
    result = summary(judgement("same", exchanges_upstream=0), Redaction())
    assert (result["verdict"], result["exit_code"]) == ("no judgement is possible", 2)
    assert result["problem"].startswith("0 upstream exchanges: ")
    assert summary(judgement("different", exchanges_upstream=0), Redaction())["exit_code"] == 1


def test_a_must_that_did_not_hold_says_what_was_there_instead():
    (scenario,) = summary(judgement("broken"), Redaction())["scenarios"]
    assert scenario["musts"] == [
        {
            "role": "candidate",
            "path": "/client/0/response/status",
            "check": "equals",
            "value": 200,
            "found": 500,
            "absent": False,
        }
    ]


def test_declarations_that_are_not_true_are_named_with_what_is_wrong():
    result = summary(judgement("same", unused=(DECLARED,)), Redaction())
    assert result["verdict"] == "the proxies differ"
    assert result["totals"]["unused_declarations"] == 1
    assert [(one["id"], one["problem"]) for one in result["stale_declarations"]] == [("server", "unused")]


def test_no_secret_is_in_it_and_it_is_json():
    result = summary(judgement(), Redaction(["uvicorn"]))
    assert "uvicorn" not in json.dumps(result)
    assert "***" in json.dumps(result)


def test_outcomes_are_counted_from_the_best_to_the_worst():
    found = outcomes(summary(judgement(), Redaction())["scenarios"])
    assert found == [("same", 1), ("allowed", 1), ("different", 1), ("noisy", 1), ("broken", 2)]


def test_what_a_process_does_worse_is_told_and_fails_the_run():
    footprint = Footprint(Role.CANDIDATE, 30.04, 100 * 1024 * 1024, 150 * 1024 * 1024, 200, (), 20, 36, 190, 19)
    result = summary(judgement("same", footprints=(footprint,), excesses=(Excess("start time", "30 s"),)), Redaction())
    assert result["exit_code"] == 1
    assert result["excesses"] == [{"sense": "start time", "told": "30 s"}]
    assert result["footprints"] == [
        {
            "role": "candidate",
            "start_seconds": 30.0,
            "rss_before_mib": 100.0,
            "rss_after_mib": 150.0,
            "requests": 200,
            "leaks": [],
            "files_before": 20,
            "files_after": 36,
            "upstream_calls": 190,
            "upstream_connections": 19,
        }
    ]
