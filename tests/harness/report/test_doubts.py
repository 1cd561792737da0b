from harness.report.collected import MEASURED
from harness.report.doubts import doubts
from harness.report.redaction import Redaction
from harness.report.summary import summary
from tests.harness.report.judgements import DECLARED, judgement
from tests.harness.report.runs import gate, load


def parity(*outcomes, **more):
    return summary(judgement(*outcomes, **more), Redaction())


def found(trees, stale=None, dirty=0, library=0):
    return {one.what: one.told for one in doubts(trees, stale or {}, dirty, library)}


def test_what_was_not_measured_is_a_doubt_of_its_own():
    told = found({"parity": parity("same")}, library=1)
    assert set(told) == {"not measured"}
    assert told["not measured"].startswith(", ".join(name for name in MEASURED if name != "parity"))


def test_a_dirty_tree_is_told():
    assert found({}, dirty=3)["dirty tree"].startswith("3 files")


def test_what_is_stale_for_the_same_reason_is_one_sentence():
    trees = {"parity": parity("same"), "gate": gate()}
    told = found(trees, {"parity": ["made of another commit"], "gate": ["made of another commit"], "load": ["old"]})
    assert told["stale"] == "parity, gate: made of another commit."


def test_noise_and_broken_scenarios_are_named():
    told = found({"parity": parity("noisy", "broken", "same")}, library=3)
    assert "claude-code/noisy" in told["noisy scenarios"] and "claude-code/broken" in told["broken scenarios"]


def test_declarations_that_are_not_true_are_named():
    assert found({"parity": parity("same", unused=(DECLARED,))})["unused declarations"] == "server."


def test_a_run_of_some_scenarios_is_not_a_whole_one():
    assert found({"parity": parity("same")}, library=473)["partial run"] == "1 of 473 scenarios were replayed."


def test_a_machine_that_was_not_quiet_is_told():
    assert "other programs" in found({"load": load()})["loaded machine"]


def test_what_did_not_come_to_its_end_is_told():
    told = found({"load": {**load(), "ended": "sdk died"}, "gate": gate(ended="interrupted")})
    assert told["load ended early"] == "sdk died." and told["gate ended early"] == "interrupted."


def test_false_alarms_are_told():
    assert "2 of 20" in found({"self": {"findings": 3, "runs": 20, "runs_with_findings": 2}})["false alarms"]
    ended = found({"self": {"runs": 4, "ended": "litellm ended with exit code -11\nits log"}})
    assert ended["self-comparison ended early"] == "After 4 runs: litellm ended with exit code -11"
