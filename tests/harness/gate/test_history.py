from pathlib import Path
from typing import Any

from harness.gate.history import FILE, append, read


def tree(run: str) -> dict[str, Any]:
    line = {"metric": "memory", "value": 300, "noise": 3, "unit": "MB", "verdict": "passed", "why": "", "beside": {}}
    return {"run": run, "made": {"commit": "c"}, "verdict": "READY", "lines": [line], "seconds": 1}


def test_each_run_is_a_line_and_the_earlier_ones_stay(tmp_path: Path) -> None:
    append(tmp_path, tree("1"))
    first = (tmp_path / FILE).read_bytes()
    append(tmp_path, tree("2"))
    assert (tmp_path / FILE).read_bytes().startswith(first)
    runs, damaged = read(tmp_path)
    assert [run["run"] for run in runs] == ["1", "2"]
    assert runs[0]["lines"]["memory"] == {"value": 300, "noise": 3, "unit": "MB", "verdict": "passed"}
    assert damaged == []


def test_damaged_lines_are_left_out_and_counted_and_swallow_no_other(tmp_path: Path) -> None:
    append(tmp_path, tree("1"))
    with (tmp_path / FILE).open("ab") as out:
        out.write(b'\xff\n[1]\n{"run": "half')
    append(tmp_path, tree("2"))
    runs, damaged = read(tmp_path)
    assert [run["run"] for run in runs] == ["1", "2"]
    assert damaged == [2, 3, 4]


def test_without_a_history_there_are_no_runs(tmp_path: Path) -> None:
    assert read(tmp_path) == ([], [])
