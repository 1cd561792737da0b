import json

from harness.report.collected import history, newest
from tests.harness.report.runs import MADE, gate, measured

SABOTAGE = {"planted": [], "totals": {"planted": 0, "caught": 0}}


def at(time):
    return {"made": {**MADE, "at": time}}


def test_the_newest_is_found_in_whichever_run_it_is(tmp_path):
    measured(tmp_path, "sabotage", {**SABOTAGE, **at("2026-11-23T10:00:00+00:00")}, "2-older-name")
    measured(tmp_path, "sabotage", {**SABOTAGE, **at("2026-11-23T09:00:00+00:00")}, "9-newer-name")
    measured(tmp_path, "gate", gate(), "5")
    found, unreadable = newest(tmp_path)
    assert {name: one.run for name, one in found.items()} == {"gate": "5", "sabotage": "2-older-name"}
    assert unreadable == []


def test_what_does_not_say_when_it_was_made_has_the_time_of_its_file(tmp_path):
    measured(tmp_path, "sabotage", SABOTAGE)
    found, _ = newest(tmp_path)
    assert found["sabotage"].made is None and found["sabotage"].at.endswith("+00:00")


def test_what_says_when_it_was_made_is_believed_before_the_time_of_a_file(tmp_path):
    measured(tmp_path, "sabotage", {**SABOTAGE, **at("2020-01-01T00:00:00+00:00")}, "1")
    measured(tmp_path, "sabotage", SABOTAGE, "2")
    assert newest(tmp_path)[0]["sabotage"].run == "1"


def test_a_run_that_is_not_finished_is_none(tmp_path):
    measured(tmp_path, "sabotage", SABOTAGE, ".1.unfinished")
    assert newest(tmp_path) == ({}, [])


def test_a_file_that_is_damaged_or_of_another_shape_is_named(tmp_path):
    measured(tmp_path, "gate", {"verdict": "READY"}, "1")
    measured(tmp_path, "load", {}, "2").write_text("{half")
    measured(tmp_path, "self", {}, "3").write_text("[]")
    found, unreadable = newest(tmp_path)
    assert found == {}
    assert [told.partition(" is not")[0] for told in unreadable] == [
        "runs/1/gate.json",
        "runs/2/load.json",
        "runs/3/self.json",
    ]
    assert "it has no ended, lines" in unreadable[0]


def test_of_the_history_damaged_lines_are_left_out(tmp_path):
    whole = {"run": "1", "verdict": "READY", "made": MADE, "lines": {}}
    (tmp_path / "history.ndjson").write_text(f'{json.dumps(whole)}\n{{"run": "2"\n[]\n{json.dumps(whole)}\n')
    assert history(tmp_path) == [whole, whole]


def test_what_else_the_gate_has_measured_is_beside_it(tmp_path):
    measured(tmp_path, "gate", gate(), "1")
    measured(tmp_path, "clients", {"clients": []}, "1")
    measured(tmp_path, "gate-load", {}, "1").write_text("{half")
    found, _ = newest(tmp_path)
    assert found["gate"].parts == {"clients": {"clients": []}, "gate-load": None}


def test_without_a_history_there_is_none(tmp_path):
    assert history(tmp_path) == []
