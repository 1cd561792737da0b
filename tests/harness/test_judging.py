"""The stored observations of a run are judged as the plain way judges them, all in memory."""

from dataclasses import replace
from itertools import groupby

import pytest

from harness.errors import BadInput
from harness.judging import judge_stored
from harness.model import Outcome, Request, Role, Scenario, Step
from harness.observation import store
from harness.rejudge_command import rejudged, repeated, told
from harness.verdict.replayed import judge_replayed
from tests.harness.comparison.in_memory import compare_all
from tests.harness.comparison.test_run import observed

NAMES = [f"a/number-{number}" for number in range(120)]
SCENARIOS = [Scenario(name, "a", "t", "scripted", (), (Step(Request("POST", "/"), ()),)) for name in NAMES]


@pytest.fixture
def stored(tmp_path):
    """Most are the same; some were played again, some are broken, one has a problem, one was never finished."""
    file = tmp_path / "observations.ndjson"
    with file.open("wb") as out:
        for number, name in enumerate(NAMES):
            broken = {7: {"lost": "date"}, 11: {"beta": "b,a"}, 55: {"problem": "did not answer"}}.get(number, {})
            seen = [replace(observed(role, name), scenario=name) for role in (Role.BASELINE, Role.AGAIN)]
            if number != 99:
                seen.append(observed(Role.CANDIDATE, name, **broken))
            again = [replace(one, attempt=1) for one in seen] if number % 40 == 7 else []
            out.writelines(map(store.to_line, [*seen, *again]))
    return file


def plainly(file):
    by_id = {scenario.id: scenario for scenario in SCENARIOS}
    compared = groupby(compare_all(store.read(file)), key=lambda each: each.scenario)
    return [judge_replayed(by_id[name], tuple(pairs), ()) for name, pairs in compared]


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_the_verdicts_are_those_of_the_plain_way_on_any_number_of_cores(stored, cores):
    found = judge_stored(SCENARIOS, stored, (), cores)
    assert list(found.verdicts) == plainly(stored)
    outcomes = {verdict.scenario: verdict.outcome for verdict in found.verdicts}
    assert outcomes["a/number-7"] is outcomes["a/number-11"] is Outcome.DIFFERENT
    assert outcomes["a/number-55"] is outcomes["a/number-99"] is Outcome.BROKEN
    assert (found.client, found.upstream) == (245, 245)


def test_what_is_there_twice_counts_as_it_was_seen_last(stored):
    with stored.open("ab") as out:
        out.write(store.to_line(observed(Role.CANDIDATE, NAMES[0], lost="date")))
    assert judge_stored(SCENARIOS, stored, ()).verdicts[0].outcome is Outcome.DIFFERENT
    assert [*judge_stored(SCENARIOS, stored, ()).verdicts] == plainly(stored)


@pytest.mark.parametrize("cores", [1, 2])
def test_a_line_that_is_damaged_within_is_named(stored, cores):
    lines = stored.read_bytes().splitlines(keepends=True)
    lines[200] = lines[200].replace(b'"client":[{', b'"client":[{,', 1)
    stored.write_bytes(b"".join(lines))
    with pytest.raises(BadInput, match=r"observations\.ndjson:201: is not an observation"):
        judge_stored(SCENARIOS, stored, (), cores)


def test_a_run_can_be_repeated_under_other_names_and_is_judged_alike(stored, tmp_path):
    many = tmp_path / "many.ndjson"
    scenarios = repeated(stored, many, SCENARIOS, 1000)
    found = rejudged(many, scenarios, ())
    assert found.observations == 3 * 368
    assert len(scenarios) == 3 * len(NAMES)
    once = judge_stored(SCENARIOS, stored, ())
    assert sum(found.outcomes.values()) == 3 * len(once.verdicts)
    assert found.outcomes["different"] == 3 * sum(each.outcome is Outcome.DIFFERENT for each in once.verdicts)
    assert found.rss > 0
    assert "1104, " in told(found)


def test_a_folder_without_observations_is_named(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        repeated(tmp_path / "none.ndjson", tmp_path / "many", SCENARIOS, 3)
    (tmp_path / "none.ndjson").write_bytes(b"")
    with pytest.raises(BadInput, match="holds no observation of a scenario that there is"):
        repeated(tmp_path / "none.ndjson", tmp_path / "many", SCENARIOS, 3)
