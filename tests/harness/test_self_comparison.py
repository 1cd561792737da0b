"""A gateway beside itself: one that does the same each time raises no alarm, one that does not is found."""

import json
import subprocess
import sys

import pytest

from tests.harness.test_journey import ROOT, settings

__all__ = ["settings"]


@pytest.mark.parametrize(("target", "code", "alarms"), [("plain", 0, False), ("other", 1, True)])
def test_the_baseline_is_compared_with_itself_as_often_as_is_said(settings, target, code, alarms):
    file = settings("any-status")
    options = ["--settings", str(file), "--runs", "2", "--seed", "1", "--baseline", target]
    command = [sys.executable, "-m", "harness", "self", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    told = json.loads((file.parent / "reports" / "latest" / "self.json").read_text())
    assert (told["runs"], told["runs_with_findings"] > 0, told["findings"] > 0) == (2, alarms, alarms)
    assert {finding["scenario"] for finding in told["details"]} == (
        {"curl/chat-stream", "curl/message"} if alarms else set()
    )
    assert "of 2 self-comparisons with a finding" in done.stdout
