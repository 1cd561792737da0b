from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.clients.project import built, place


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "node_modules").mkdir(parents=True)
    (folder / "main.py").write_text("print('hello')")
    (folder / "node_modules" / "theirs").write_text("")
    return folder


def test_a_changed_project_has_another_place_and_what_was_built_in_it_does_not_count(project: Path) -> None:
    before = place(project, Path("/cache"), "client-1")
    (project / "node_modules" / "theirs").write_text("more")
    assert place(project, Path("/cache"), "client-1") == before
    (project / "main.py").write_text("print('changed')")
    assert place(project, Path("/cache"), "client-1") != before
    assert before.name.startswith("client-1-")


async def test_it_is_copied_and_built_once(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "built"
    command = (sys.executable, "-c", "open('times', 'a').write('x')")
    for _ in range(2):
        assert await built(project, folder, folder / "times", command) == folder
    assert (folder / "times").read_text() == "x"
    assert sorted(path.name for path in folder.iterdir()) == ["main.py", "times"]
