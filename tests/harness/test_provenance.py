import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.provenance import made, stale, stamped


@dataclass(frozen=True)
class Measurement:
    config: Path
    network: str


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(("git", "-C", str(tmp_path), *who, *words), check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "config.yaml").write_text("model_list: []\n")
    git("add", ".")
    git("commit", "-qm", "first")
    return tmp_path


def test_a_clean_tree_has_a_commit_and_nothing_that_differs_from_it(repository: Path) -> None:
    told = made(repository / "config.yaml", repository)
    assert told["commit"] and len(told["commit"]) == 40
    assert told["dirty"] == 0
    assert told["litellm"] and told["at"].endswith("+00:00")


def test_files_that_were_not_committed_are_counted(repository: Path) -> None:
    (repository / "config.yaml").write_text("model_list: [1]\n")
    (repository / "new.py").write_text("")
    assert made(repository / "config.yaml", repository)["dirty"] == 2


def test_outside_of_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    told = made(tmp_path / "none.yaml", tmp_path)
    assert told["commit"] is None and told["config"] is None and told["dirty"] == 0


def test_what_was_made_of_the_same_is_not_stale(repository: Path) -> None:
    now = made(repository / "config.yaml", repository)
    assert stale(now, now) == []


def test_another_commit_or_configuration_is_named(repository: Path) -> None:
    now = made(repository / "config.yaml", repository)
    assert stale({**now, "commit": "f" * 40}, now) == [
        f"made of another commit: ffffffffffff, not {str(now['commit'])[:12]}"
    ]
    assert "configuration" in stale({**now, "config": "0"}, now)[0]


def test_a_dirty_tree_is_never_what_a_commit_is(repository: Path) -> None:
    now = made(repository / "config.yaml", repository)
    assert stale({**now, "dirty": 3}, now) == ["made with 3 files that were not committed"]


def test_what_does_not_say_is_not_trusted(repository: Path) -> None:
    assert stale(None, made(repository / "config.yaml", repository)) == ["does not say what it was made of"]


def test_a_measurement_is_stamped_and_stays_what_it_was(repository: Path) -> None:
    told = stamped({"runs": 2}, Measurement(repository / "config.yaml", "in a namespace"))
    assert told["made"]["network"] == "in a namespace"
    assert told["runs"] == 2 and told["made"]["config"]
