"""Every package may import only what this table allows; the table is the architecture."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEAVES = {"model", "errors", "event_stream"}
STEPS = {"traffic", "upstream", "replay", "observation", "comparison", "verdict", "report"}
MAY_IMPORT = {
    **{step: LEAVES | {step} for step in sorted(STEPS)},
    "replay": LEAVES | {"replay", "upstream"},
    "clients": LEAVES | {"clients"},
    "performance": LEAVES | {"performance"},
    "load": LEAVES | {"performance", "traffic"},
    "model": set[str](),
    "errors": set[str](),
    "event_stream": set[str](),
    "settings": {"model", "errors"},
    "isolation": LEAVES | {"isolation"},
    "site": LEAVES | {"isolation", "settings", "replay", "upstream"},
    "footprint": LEAVES | {"performance", "replay"},
    "unfinished": LEAVES | {"observation"},
    "spread": {"errors"},
    "judging": LEAVES | {"spread", "observation", "comparison", "verdict"},
    "journey": LEAVES | STEPS | {"settings", "site", "unfinished", "footprint", "judging"},
    "situations": LEAVES | {"situations", "upstream"},
    "recording": LEAVES | {"traffic"},
    "client_recordings": LEAVES | STEPS | {"settings", "site", "clients", "situations"},
    "archives": LEAVES | {"traffic", "observation", "clients"},
    "recording_commands": {"model", "exit_code", "settings", "traffic", "archives", "recording", "client_recordings"},
    "exit_code": {"errors"},
    "provenance": set[str](),
    "reporting": LEAVES | {"comparison", "observation", "provenance", "report", "settings"},
    "report_command": {"errors", "exit_code", "reporting", "settings", "traffic"},
    "load_journey": LEAVES | {"settings", "site", "performance", "replay", "upstream", "traffic"},
    "trials": LEAVES | {"trials", "upstream"},
    "trial_journey": LEAVES
    | {"settings", "site", "trials", "performance", "replay", "upstream", "traffic", "recording"},
    "fast_path_journey": LEAVES
    | {"settings", "site", "trials", "performance", "replay", "upstream", "traffic", "comparison", "verdict"},
    "trial_commands": {"exit_code", "reporting", "provenance", "settings", "site", "journey", "trial_journey"}
    | {"fast_path_journey", "verdict"},
    "load_command": {"errors", "exit_code", "provenance", "settings", "site", "journey", "load_journey", "performance"}
    | {"reporting"},
    "gate": LEAVES | {"gate", "performance"},
    "client_trials": LEAVES
    | {"settings", "site", "replay", "upstream", "clients", "situations", "gate"}
    | {"client_recordings"},
    "gate_load": LEAVES | {"settings", "site", "replay", "performance", "load_journey", "gate"},
    "measured_before": {"errors", "provenance", "settings"},
    "gate_journey": LEAVES
    | {"settings", "provenance", "performance", "report", "sabotage", "traffic", "gate"}
    | {"journey", "noticing", "cookies_journey", "client_trials", "gate_load", "measured_before"},
    "gate_command": LEAVES
    | {"exit_code", "settings", "provenance", "journey", "report", "gate", "gate_journey"}
    | {"reporting", "site", "client_trials"},
    "bench_command": LEAVES | {"exit_code", "provenance", "settings", "site", "journey", "load_journey", "performance"},
    "generator_command": LEAVES
    | {"exit_code", "provenance", "settings", "site", "journey", "load_journey", "performance"},
    "requests_command": {"errors", "performance", "traffic"},
    "approve_command": LEAVES | {"settings", "journey", "traffic", "verdict"},
    "rejudge_command": LEAVES | {"exit_code", "settings", "journey", "judging", "performance", "traffic", "verdict"},
    "explain_command": LEAVES | {"exit_code", "settings", "journey", "comparison", "observation", "report", "traffic"},
    "cli": LEAVES
    | STEPS
    | {"exit_code", "settings", "provenance", "journey", "unfinished", "recording_commands"}
    | {"load_command", "sabotage_command", "explain_command", "approve_command", "cookies_command", "self_command"}
    | {"drill_command", "trial_commands", "generator_command", "report_command", "reporting"}
    | {"gate_command", "bench_command", "rejudge_command", "shadow_command", "site"},
    "sabotage": LEAVES | {"sabotage", "replay", "upstream"},
    "noticing": LEAVES | STEPS | {"settings", "site", "footprint", "journey", "sabotage"},
    "sabotage_command": {"exit_code", "provenance", "settings", "journey", "noticing", "traffic"}
    | {"report", "reporting", "site"},
    "cookies_journey": LEAVES | {"settings", "site", "performance", "replay", "upstream"},
    "cookies_command": {"exit_code", "provenance", "settings", "journey", "cookies_journey", "performance"}
    | {"reporting", "site"},
    "drill": LEAVES | {"drill", "performance"},
    "drill_stage": LEAVES | {"drill", "performance", "replay", "settings", "site", "upstream"},
    "drill_journey": LEAVES | {"drill", "drill_stage", "upstream"},
    "drill_command": {"exit_code", "provenance", "settings", "site", "journey", "reporting"}
    | {"drill", "drill_stage", "drill_journey"},
    "shadow_world": {"model"},
    "shadow_journey": LEAVES
    | STEPS
    | {"isolation", "journey", "provenance", "recording", "settings", "site", "shadow_world"},
    "shadow_command": {"exit_code", "reporting", "settings", "shadow_journey", "verdict"},
    "self_comparison": LEAVES | {"provenance", "journey", "judging", "verdict"},
    "self_command": LEAVES | {"reporting", "exit_code", "settings", "site", "journey", "self_comparison", "traffic"},
    "__main__": {"cli"},
}


def _imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def _inside(file: Path, package: str) -> set[str]:
    return {name.split(".")[1] for name in _imported(file) if name.startswith(f"{package}.")}


def _files_of(part: str) -> list[Path]:
    folder = ROOT / "harness" / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def test_the_table_names_every_part_of_the_harness() -> None:
    parts = {path.stem for path in (ROOT / "harness").iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert parts - {"__init__", "__pycache__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_it_may(part: str) -> None:
    for file in _files_of(part):
        assert _inside(file, "harness") <= MAY_IMPORT[part], file


@pytest.mark.parametrize(("one", "other"), [("harness", "sdk_proxy"), ("sdk_proxy", "harness")])
def test_the_harness_and_the_proxy_do_not_know_each_other(one: str, other: str) -> None:
    for file in (ROOT / one).rglob("*.py"):
        assert not any(name.split(".")[0] == other for name in _imported(file)), file
