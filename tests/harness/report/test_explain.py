from harness.model import Difference, Request, Scenario, Step
from harness.report.explain import explain, side_by_side

SCENARIO = Scenario("curl/a", "curl", "A title", "scripted", (), (Step(Request("GET", "/health")),))


def tree(status, lines=0):
    return {"client": {"0": {"status": status, "more": list(range(lines))}}, "upstream": [], "effects": {}}


def test_lines_that_differ_are_marked_and_stand_side_by_side():
    rows = [*side_by_side({"a": 1, "b": 2}, {"a": 1, "b": 3})]
    assert ("!", ' "b": 2', ' "b": 3') in rows
    assert ("", ' "a": 1,', ' "a": 1,') in rows


def test_what_only_one_side_has_stands_alone():
    rows = [*side_by_side([1], [1, 2])]
    assert ("!", "", " 2") in rows


def test_long_runs_of_equal_lines_are_cut_short():
    assert len([*side_by_side([*range(500), 1], [*range(500), 2])]) < 10


def test_equal_faces_show_nothing():
    assert [*side_by_side({"a": [1, 2]}, {"a": [1, 2]})] == []


def test_a_scenario_is_told_with_its_request_both_faces_and_each_difference():
    found = (Difference("/client/0/status", 200, 500),)
    text = "\n".join(explain(SCENARIO, tree(200), tree(500), found, "http://h:1", 80))
    assert text.startswith("curl/a: A title")
    assert "http://h:1/health" in text
    assert "changed /client/0/status" in text
    assert all(len(line) <= 80 for line in text.splitlines() if "|" in line)


def test_nothing_of_the_wire_reaches_the_terminal_as_it_is():
    text = "\n".join(explain(SCENARIO, tree("a\x1b[31m"), tree("b\u202e"), (), "http://h", 80))
    assert text.replace("\n", "").isprintable()
