"""The gate as a user runs it, against the pass-through: cheap, and with no cookies it can never be ready."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest

from tests.waiting import PATIENCE, wait_until

GATE = (sys.executable, "-m", "harness", "gate", "--candidate", "pass-through")
SMALL = json.dumps({"seconds": 4, "concurrent": 4, "cookie_requests": 40})


def run(reports: Path, *options: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "HARNESS_GATE": SMALL}
    command = (*GATE, "--reports", str(reports), *options)
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()  # nothing, where it has ended
    return process.returncode, said


def tree_of(reports: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((reports / "latest" / "gate.json").read_text())
    return tree


def verdicts(tree: dict[str, Any]) -> dict[str, str]:
    return {one["metric"]: one["verdict"] for one in tree["lines"]}


def test_what_fails_is_not_ready_and_what_was_not_asked_for_is_not_passed(tmp_path: Path) -> None:
    code, said = ended(run(tmp_path, "--only", "untouched,cookies"))
    tree = tree_of(tmp_path)
    assert (code, tree["verdict"], tree["exit_code"]) == (1, "NOT READY", 1), said
    found = verdicts(tree)
    assert len(found) == 9
    assert (found["Cloudflare 503s"], found["cookie persistence"]) == ("failed", "failed")
    assert found["latency p95"] == found["feature parity"] == "inconclusive"
    assert all(one["target"] and one["evidence"] for one in tree["lines"])
    assert {"gate.md", "junit.xml", "cookies.json"} <= {file.name for file in (tmp_path / "latest").iterdir()}
    suites = ElementTree.parse(tmp_path / "latest" / "junit.xml").getroot()
    assert {suite.get("name"): len(suite.findall("testcase")) for suite in suites} == {"gate": 9, "cookies": 1}
    assert len((tmp_path / "history.ndjson").read_text().splitlines()) == 1
    shown, again = ended(run(tmp_path, "--show"))
    assert shown in (1, 2)  # 2: this tree is not committed
    assert "NOT READY" in again


@pytest.mark.parametrize(
    ("victim", "number", "code", "why"),
    [
        ("pass_through", signal.SIGKILL, 2, "pass-through ended with exit code -9"),
        ("", signal.SIGINT, 130, "interrupt"),
    ],
)
def test_what_ends_it_in_the_middle_leaves_a_report_that_says_so(
    tmp_path: Path, victim: str, number: signal.Signals, code: int, why: str
) -> None:
    process = run(tmp_path, "--only", "untouched,load")
    try:
        os.kill(_locusts(process.pid, victim), number)
        found, said = ended(process)
    finally:
        process.kill()
    tree = tree_of(tmp_path)
    assert (found, tree["verdict"]) == (code, "INCONCLUSIVE"), said
    assert verdicts(tree)["baseline untouched"] == "passed"
    assert why in said
    assert not [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(each.info["cmdline"])]


def _locusts(parent: int, victim: str) -> int:
    """Waits until Locust is at work; then the program to be killed: of the gate's own, or the gate itself."""
    found: list[int] = []

    def works() -> bool:
        commands = {each.pid: _words(each) for each in psutil.Process(parent).children(recursive=True)}
        if any("locust" in words for words in commands.values()):
            found[:] = [pid for pid, words in commands.items() if victim in words] if victim else [parent]
        return bool(found)

    wait_until(works)
    return found[0]


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""  # gone in the meantime


def test_a_part_that_does_not_exist_is_named(tmp_path: Path) -> None:
    code, said = ended(run(tmp_path, "--only", "nonsense"))
    assert code == 2
    assert "no part 'nonsense'" in said
