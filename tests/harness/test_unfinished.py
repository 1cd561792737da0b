import json

import pytest

from harness.errors import BadInput
from harness.model import Effects, Observation, Role
from harness.observation import store
from harness.unfinished import FOLDER, Part, keeping, read_part, taken_over

PART = Part(7, "binary", "sdk")


def observed(role, scenario="curl/one", attempt=0):
    return Observation(scenario, "t", role, (), (), Effects(), attempt=attempt)


def interrupted(tmp_path, *observations, rest=b""):
    file = tmp_path / "run" / "observations.ndjson"
    with pytest.raises(KeyboardInterrupt), keeping(tmp_path, PART, file):
        with store.writing(file) as keep:
            for each in observations:
                keep(each)
        with file.open("ab") as stream:
            stream.write(rest)
        raise KeyboardInterrupt


def test_what_an_interrupted_run_has_observed_is_taken_over_by_the_next(tmp_path):
    interrupted(tmp_path, observed(Role.BASELINE), observed(Role.CANDIDATE, attempt=1), rest=b'{"scenario": "cut')
    file = tmp_path / "next.ndjson"
    assert read_part(tmp_path) == PART
    assert taken_over(tmp_path, PART, file) == {(Role.BASELINE, "curl/one")}
    assert [*store.read(file)] == [observed(Role.BASELINE)]


def test_a_run_that_comes_to_its_end_leaves_nothing_to_resume(tmp_path):
    interrupted(tmp_path, observed(Role.BASELINE))
    with keeping(tmp_path, PART, tmp_path / "run" / "observations.ndjson"):
        pass
    assert not (tmp_path / FOLDER).exists()


def test_a_run_that_was_interrupted_before_it_saw_anything_leaves_what_was_there(tmp_path):
    interrupted(tmp_path, observed(Role.BASELINE))
    interrupted(tmp_path)
    assert taken_over(tmp_path, PART, tmp_path / "next.ndjson") == {(Role.BASELINE, "curl/one")}


def test_a_run_of_other_targets_cannot_be_resumed(tmp_path):
    interrupted(tmp_path, observed(Role.BASELINE))
    with pytest.raises(BadInput, match="cannot be resumed"):
        taken_over(tmp_path, Part(7, "binary", "other"), tmp_path / "next.ndjson")


def test_what_is_no_interrupted_run_is_named(tmp_path):
    with pytest.raises(BadInput, match="no interrupted run to resume"):
        read_part(tmp_path)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "plan.json").write_text("{}")
    with pytest.raises(BadInput, match="is not what an interrupted run leaves"):
        read_part(tmp_path)


def test_a_line_that_is_damaged_within_is_named_when_a_run_is_resumed(tmp_path):
    interrupted(tmp_path, observed(Role.BASELINE), observed(Role.AGAIN))
    kept = tmp_path / FOLDER / "observations.ndjson"
    kept.write_bytes(kept.read_bytes().replace(b'"role":"baseline again"', b'"role":"boss"'))
    with pytest.raises(BadInput, match=r"observations\.ndjson:2: is not an observation"):
        taken_over(tmp_path, PART, tmp_path / "next.ndjson")


def test_nothing_new_is_written_when_a_run_is_kept(tmp_path):
    """The disk may be full then: the plan is there from the start, and both files are only moved."""
    file = tmp_path / "run" / "observations.ndjson"
    with keeping(tmp_path, PART, file):
        assert json.loads((file.parent / "plan.json").read_text())["seed"] == PART.seed
    assert not (file.parent / "plan.json").exists()
