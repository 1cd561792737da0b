import json
from pathlib import Path

import pytest

from harness.measured_before import cookies_misfits, measured_before, parity_misfits, sabotage_misfits
from harness.provenance import Made
from harness.settings import read_settings

SETTINGS = read_settings(Path("harness.toml"), {})
NOW = Made(at="2026-11-23T10:00:00+00:00", commit="a" * 40, dirty=0, config="c" * 64, litellm="1.106.2", network="")
SABOTAGE = {
    "targets": {"baseline": "binary", "candidate": "sdk"},
    "planted": [{"name": "a header is lost"}, {"name": "a ping is lost"}],
    "made": NOW,
}
PARITY = {
    "targets": [{"role": "baseline", "name": "binary"}, {"role": "candidate", "name": "sdk"}],
    "scenarios": [{"id": "a/b"}],
}
NAMES = ("a header is lost", "a ping is lost")


def used(reports: Path, now: Made = NOW) -> tuple[str | None, list[str]]:
    told: list[str] = []
    found = measured_before(reports, "sabotage", now, lambda tree: sabotage_misfits(tree, SETTINGS, NAMES), told.append)
    return (found[1] if found else None), told


def stored(reports: Path, run: str, tree: object) -> None:
    (reports / "runs" / run).mkdir(parents=True)
    (reports / "runs" / run / "sabotage.json").write_text(json.dumps(tree))


def test_the_newest_of_the_same_candidate_counts_again(tmp_path: Path) -> None:
    for run in ("1", "2"):
        stored(tmp_path, run, SABOTAGE)
    stored(tmp_path, "3", {**SABOTAGE, "targets": {"baseline": "binary", "candidate": "pass-through"}})
    assert used(tmp_path) == ("runs/2/sabotage.json", [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"targets": {"baseline": "binary", "candidate": "pass-through"}}, "its candidate is pass-through, not sdk"),
        ({"targets": {"baseline": "sdk", "candidate": "sdk"}}, "its baseline is sdk, not binary"),
        ({"planted": [{"name": "a ping is lost"}]}, "1 regressions were not planted"),
        ({"made": {**NOW, "commit": "b" * 40}}, "made of another commit: bbbbbbbbbbbb, not aaaaaaaaaaaa"),
        ({"made": {**NOW, "config": "d" * 64}}, "made with another configuration: dddddddddddd, not cccccccccccc"),
        ({"made": {**NOW, "litellm": "1.100.0"}}, "made with another LiteLLM: 1.100.0, not 1.106.2"),
        ({"made": {**NOW, "dirty": 2}}, "made with 2 files that were not committed"),
        ({"targets": None}, "it is half a report, or another version's"),
    ],
)
def test_what_is_of_something_else_does_not_count_and_is_told(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    stored(tmp_path, "1", {**SABOTAGE, **change})
    assert used(tmp_path) == (None, [f"runs/1/sabotage.json does not count: {said}"])


def test_nothing_counts_in_a_tree_that_is_not_committed(tmp_path: Path) -> None:
    stored(tmp_path, "1", SABOTAGE)
    found, (told,) = used(tmp_path, Made(**{**NOW, "dirty": 1}))
    assert (found, "1 files are not committed now" in told) == (None, True)


def test_where_nothing_was_measured_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert used(tmp_path) == (None, [])


def test_parity_of_another_candidate_or_of_a_part_of_the_library_does_not_count() -> None:
    assert parity_misfits(PARITY, SETTINGS, 1) == []
    assert parity_misfits(PARITY, SETTINGS, 2) == ["1 scenarios, not 2"]
    other = read_settings(Path("harness.toml"), {"candidate": "pass-through"})
    assert parity_misfits(PARITY, other, 1) == ["its candidate is sdk, not pass-through"]


def test_cookies_of_another_candidate_do_not_count() -> None:
    assert cookies_misfits({"how": {"target": "sdk"}}, SETTINGS) == []
    assert cookies_misfits({"how": {"target": "binary"}}, SETTINGS) == ["its candidate is binary, not sdk"]
