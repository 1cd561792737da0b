import json
from xml.etree import ElementTree

from harness.gate.line import METRICS, Judged, Line
from harness.gate.report import HEADER, About, gate_junit, gate_markdown, gate_tree, rows

MADE = {"at": "2026-01-01T00:00:00+00:00", "commit": "c" * 40, "dirty": 0, "config": "d" * 64, "litellm": "1.2.3"}
LINES = [
    Line("memory", 312.5, "MB", Judged.PASSED, "RSS", "runs/1/gate-load.json", 3.0, target="< 350 MB"),
    Line(
        "error rate", 4.25, "%", Judged.FAILED, "mix | 50", "runs/1/gate-load.json", 0.5, "9 x HTTP 502\x00", {"n": 9}
    ),
    Line("client compatibility", None, "%", Judged.INCONCLUSIVE, "not measured", "nox -s gate", why="no mvn"),
]


def test_the_tree_is_in_the_order_of_the_table_and_is_json() -> None:
    tree = gate_tree(LINES, About("1", 12.34, MADE))
    assert json.loads(json.dumps(tree)) == tree
    assert [one["metric"] for one in tree["lines"]] == sorted((line.metric for line in LINES), key=METRICS.index)
    assert (tree["verdict"], tree["exit_code"], tree["ended"]) == ("NOT READY", 1, None)
    assert tree["lines"][0].keys() >= {"metric", "target", "value", "unit", "verdict", "measured_as", "evidence"}


def test_the_rows_say_what_was_not_measured() -> None:
    found = {row[0]: row for row in rows(gate_tree(LINES, About("1", 1.0, MADE)))}
    assert all(len(row) == len(HEADER) for row in found.values())
    assert found["memory"] == ("memory", "< 350 MB", "312 MB", "± 3 MB", "passed")
    assert found["client compatibility"][2:4] == ("not measured", "-")


def test_markdown_has_the_verdict_and_breaks_no_table() -> None:
    text = gate_markdown(gate_tree(LINES, About("1", 1.0, {**MADE, "dirty": 2}, "interrupted")))
    assert text.startswith("# Gate: NOT READY")
    assert "cccccccccccc, 2 files not committed" in text
    assert "interrupted" in text
    assert "mix \\| 50" in text


def test_junit_has_a_failure_for_what_failed_and_an_error_for_what_nobody_knows() -> None:
    root = ElementTree.fromstring(gate_junit(gate_tree(LINES, About("1", 1.0, MADE))))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")
    assert [each.get("name") for each in root.iter("testcase")] == ["error rate", "memory", "client compatibility"]
