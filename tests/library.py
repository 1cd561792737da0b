"""The recorded scenarios, read once for all tests of a process: that takes some ten seconds."""

from functools import cache
from pathlib import Path

from harness.model import Scenario
from harness.traffic.scenario_file import read_all

FOLDER = Path(__file__).parents[1] / "scenarios"


@cache
def library() -> tuple[Scenario, ...]:
    """Return what `read_all` finds; called in a test, not where its module is imported."""
    return read_all(FOLDER)
