"""What is known of the wire is stood for by scenarios that exist: scenarios/facts.toml."""

import tomllib
from pathlib import Path

from harness.report.coverage import coverage
from harness.traffic.scenario_file import read_all
from tests.library import library

SCENARIOS = Path(__file__).parents[1] / "scenarios"
CONFIGURATIONS = Path(__file__).parent / "parity"
WITHOUT = "without_scenario"


def facts() -> dict[str, dict[str, list[str] | str]]:
    return tomllib.loads((SCENARIOS / "facts.toml").read_text())


def test_each_scenario_that_a_fact_names_exists() -> None:
    named = {name for part, rows in facts().items() if part != WITHOUT for names in rows.values() for name in names}
    assert sorted(name for name in named if not _file(name).is_file()) == []


def test_each_fact_has_a_scenario_or_a_reason() -> None:
    assert [fact for rows in facts().values() for fact, held in rows.items() if not held] == []


def test_a_fact_is_told_once() -> None:
    told = [fact for rows in facts().values() for fact in rows]
    assert len(told) == len(set(told))


def test_no_route_has_a_hole() -> None:
    scenarios, elsewhere = library(), read_all(CONFIGURATIONS / "errors" / "scenarios")
    assert coverage(scenarios, elsewhere)["holes"] == []


def _file(name: str) -> Path:
    """Ours is `<client>/<name>`, that of another configuration `<configuration>/<client>/<name>`."""
    if name.count("/") == 1:
        return SCENARIOS / f"{name}.yaml"
    configuration, _, rest = name.partition("/")
    return CONFIGURATIONS / configuration / "scenarios" / f"{rest}.yaml"
