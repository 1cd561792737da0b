"""An archive of the project as it is, in a folder of the test's."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.archive import closure, make

ROOT = Path(__file__).parents[2]
FOLDER = Path("sdk_proxy") / "archive"
BASELINE = ("litellm_proxy_with_memory.py", "memory_router.py", "schema.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    shutil.copytree(ROOT / "sdk_proxy", root / "sdk_proxy", ignore=shutil.ignore_patterns("archive", "__pycache__"))
    (root / "config.yaml").write_text("model_list: []\n")
    make(root, root / "config.yaml", root / FOLDER)
    return root


def restore(project: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(project / FOLDER / "restore.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_holds_the_baseline_its_checksums_and_versions(project: Path) -> None:
    folder = project / FOLDER
    lines = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} >= {f"baseline/sdk_proxy/{name}" for name in BASELINE} | {
        "start.py",
        "restore.py",
    }
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == told for told, name in lines)
    assert "litellm==" in (folder / "requirements.txt").read_text().lower()
    assert json.loads((folder / "versions.json").read_text())["made"]["config"]


def test_what_it_holds_needs_nothing_else_of_the_project(project: Path) -> None:
    code = "import sdk_proxy.litellm_proxy_with_memory as module; print(module.__file__)"
    environment = os.environ | {"PYTHONPATH": str(project / FOLDER / "baseline")}
    told = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert Path(told.stdout.strip()).is_relative_to(project / FOLDER)
    assert len(closure(ROOT, "sdk_proxy.litellm_proxy_with_memory")) < 15


def test_a_restore_brings_back_what_was_changed_and_keeps_what_it_replaces(project: Path) -> None:
    place = project / "sdk_proxy" / "memory_router.py"
    was = place.read_text()
    place.write_text("broken")
    (project / "sdk_proxy" / "schema.py").unlink()
    done = restore(project)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"2 files restored in {project}")
    assert place.read_text() == was
    assert [file.read_text() for file in (project / FOLDER / "replaced").rglob("*.py")] == ["broken"]
    assert "0 files restored" in restore(project).stdout


def test_an_archive_that_was_changed_restores_nothing(project: Path) -> None:
    (project / FOLDER / "baseline" / "sdk_proxy" / "schema.py").write_text("broken")
    (project / "sdk_proxy" / "memory_router.py").write_text("mine")
    done = restore(project)
    assert (done.returncode, "not as they were archived: baseline/sdk_proxy/schema.py" in done.stderr) == (2, True)
    assert (project / "sdk_proxy" / "memory_router.py").read_text() == "mine"


def test_a_later_cutover_replaces_the_archive_and_keeps_what_restores_had_replaced(project: Path) -> None:
    (project / "sdk_proxy" / "memory_router.py").write_text("broken")
    restore(project)
    (project / "sdk_proxy" / "schema.py").write_text("X = 1\n")
    make(project, project / "config.yaml", project / FOLDER)
    assert (project / FOLDER / "baseline" / "sdk_proxy" / "schema.py").read_text() == "X = 1\n"
    assert len(list((project / FOLDER / "replaced").rglob("*.py"))) == 1
    assert [each.name for each in (project / "sdk_proxy").glob(".archive-*")] == []
