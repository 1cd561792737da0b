"""A gateway beside itself: one that does the same each time raises no alarm, one that does not is found."""

import json
import subprocess
import sys

import pytest

from harness.model import Excess
from harness.self_comparison import SelfRun, SelfRuns, as_json
from tests.harness.test_journey import ROOT, settings
from tests.waiting import PATIENCE

__all__ = ["settings"]


def compared(file, *options):
    command = [sys.executable, "-m", "harness", "self", "--settings", str(file), "--seed", "1", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)


def read(file):
    return json.loads((file.parent / "reports" / "latest" / "self.json").read_text())


@pytest.mark.parametrize(("target", "code", "alarms"), [("plain", 0, False), ("other", 1, True)])
def test_the_baseline_is_compared_with_itself_as_often_as_is_said(settings, target, code, alarms):
    file = settings("any-status")
    done = compared(file, "--runs", "2", "--baseline", target)
    assert done.returncode == code, done.stdout + done.stderr
    told = read(file)
    assert (told["runs"], told["runs_with_findings"] > 0, told["findings"] > 0) == (2, alarms, alarms)
    assert {finding["scenario"] for finding in told["details"]} == (
        {"curl/chat-stream", "curl/message"} if alarms else set()
    )
    assert "of 2 self-comparisons with a finding" in done.stdout


def test_a_run_whose_baseline_dies_is_begun_anew(settings):
    file = settings("death-once")
    done = compared(file, "--runs", "1", "--baseline", "other")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "run 0: other-gateway ended with exit code 3" in done.stdout
    told = read(file)
    assert (told["runs"], told["findings"], len(told["died"]), told["ended"]) == (1, 0, 1, None)


def test_a_baseline_that_dies_again_and_again_is_an_error(settings):
    done = compared(settings("slow-death"), "--runs", "2", "--baseline", "other")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "error: other-gateway ended with exit code 3" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_streams_that_are_late_now_and_then_are_a_finding_of_their_own():
    late = SelfRun(0, 7, 1.0, 3, (), late=Excess("late streams", "6 of 60 streams"))
    told = as_json(SelfRuns((late, SelfRun(1, 8, 1.0, 3, ()))))
    assert (told["runs_with_findings"], told["findings"]) == (1, 1)
    assert told["details"] == [
        {
            "run": 0,
            "seed": 7,
            "scenario": "all streams",
            "outcome": "late streams",
            "problem": "6 of 60 streams",
            "paths": [],
        }
    ]
