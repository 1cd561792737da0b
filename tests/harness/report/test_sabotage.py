import json

from rich.console import Console

from harness.model import Planted
from harness.report.sabotage import sabotage_markdown, sabotage_summary, show_planted, write_sabotage

CAUGHT = Planted("a header is lost", "client", "headers", "curl/a", True, ("must", "headers"), "/client/0/a")
ESCAPED = Planted("a | b", "upstream", "upstream body", "curl/b", True, ("status",))
TOOTHLESS = Planted("a cookie is lost", "upstream", "must", "curl/c", False, ("must",))
SUMMARY = sabotage_summary((CAUGHT, ESCAPED, TOOTHLESS), 7, 12.345, {"baseline": "binary", "candidate": "sdk"})


def test_a_regression_counts_as_caught_only_by_the_sense_that_is_meant_and_if_it_bit():
    assert SUMMARY["totals"] == {"planted": 3, "caught": 1}
    assert [one["outcome"] for one in SUMMARY["planted"]] == ["caught", "escaped", "did not bite"]


def test_the_summary_keeps_its_keys_and_shapes():
    assert SUMMARY["planted"][0] == {
        "name": "a header is lost",
        "face": "client",
        "caught": True,
        "by": "headers",
        "scenario": "curl/a",
        "outcome": "caught",
        "meant_for": "headers",
        "where": "/client/0/a",
        "also_by": ["must"],
    }
    assert (SUMMARY["planted"][1]["by"], SUMMARY["planted"][1]["where"]) == (None, None)


def test_the_table_has_a_row_for_each_whatever_its_name_holds():
    lines = sabotage_markdown(SUMMARY).splitlines()
    assert lines[0] == "# Sabotage: 1 of 3 caught"
    assert lines[-3].count("|") == 7
    assert r"a \| b" in lines[-2]


def test_the_files_are_there_and_say_the_same(tmp_path):
    markdown, data = write_sabotage(SUMMARY, tmp_path / "run")
    assert json.loads(data.read_text()) == SUMMARY
    assert markdown.read_text() == sabotage_markdown(SUMMARY)


def test_the_terminal_says_who_saw_what_escaped(capsys):
    console = Console(width=80)
    for one in (CAUGHT, ESCAPED, TOOTHLESS):
        show_planted(console, one)
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("caught")
    assert "seen by status" in out[1]
    assert out[2].startswith("did not bite")
