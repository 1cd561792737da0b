import shutil
import subprocess
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.gate.manifest import changed, write


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("schema.py").write_text("A = 1\n")
    write(Path("deploy/baseline.sha256"), (Path("schema.py"),), "a new  key\nfor all", "2026-01-01")
    return Path("deploy/baseline.sha256")


def test_what_is_as_it_was_is_untouched_and_sha256sum_agrees(watched: Path) -> None:
    assert changed(watched) == []
    assert "# 2026-01-01: a new key for all" in watched.read_text()
    if shutil.which("sha256sum"):
        assert subprocess.run(["sha256sum", "-c", str(watched)], check=False, capture_output=True).returncode == 0


def test_what_has_changed_or_is_gone_is_named(watched: Path) -> None:
    Path("schema.py").write_text("A = 2\n")
    assert changed(watched) == ["schema.py has changed"]
    Path("schema.py").unlink()
    assert changed(watched) == ["schema.py is gone"]


def test_a_manifest_that_is_missing_empty_or_damaged_is_one_clear_error(watched: Path) -> None:
    with pytest.raises(BadInput, match="untouched --reason"):
        changed(Path("none.sha256"))
    watched.write_text("# nothing\n")
    with pytest.raises(BadInput, match="names no file"):
        changed(watched)
    watched.write_text("# one\nnonsense\n")
    with pytest.raises(BadInput, match=r"baseline\.sha256:2"):
        changed(watched)


def test_the_gate_watches_files_that_are_there() -> None:
    assert isinstance(changed(Path("deploy/baseline.sha256")), list)
