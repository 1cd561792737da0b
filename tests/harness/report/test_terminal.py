from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from harness.report.redaction import Redaction
from harness.report.summary import summary
from harness.report.terminal import show_scenario, show_verdict
from tests.harness.report.judgements import COSMETIC, DECLARED, OUTCOMES, judgement


def plain(show, *given, width=80, **options):
    out = StringIO()
    show(Console(file=out, width=width, **options), *given)
    return out.getvalue()


def verdict(*outcomes, **more):
    return plain(show_verdict, summary(judgement(*outcomes, **more), Redaction()))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("same", "same      claude-code/same\n"),
        ("allowed", "allowed   claude-code/allowed  1 declared\n"),
        ("different", "different claude-code/different  2 undeclared, 1 declared\n"),
        ("noisy", "noisy     claude-code/noisy  1 noise\n"),
        ("broken", "broken    claude-code/broken  1 must\n"),
    ],
)
def test_a_scenario_is_one_line(name, line):
    assert plain(show_scenario, OUTCOMES[name]) == line


def test_cosmetic_differences_are_shown_apart():
    assert plain(show_scenario, COSMETIC) == "cosmetic  claude-code/cosmetic  1 cosmetic\n"
    lines = verdict("same", "cosmetic", "different").splitlines()
    assert lines.index("Undeclared differences") < lines.index("Cosmetic differences: no client can see them")
    assert (
        "  extra /client/*/response/capitals/*" in lines[lines.index("Cosmetic differences: no client can see them") :]
    )
    assert "differences     3 undeclared (1 of them cosmetic), 1 declared" in lines
    assert verdict("same", "cosmetic").splitlines()[-1] == "The proxies agree, but for 1 cosmetic difference."
    assert "Undeclared differences" not in verdict("same", "cosmetic")


def test_a_run_without_an_upstream_exchange_says_so():
    text = verdict("same", exchanges_upstream=0)
    assert "0 upstream exchanges: no call of any scenario reached the simulated upstream" in text
    assert text.splitlines()[-1] == "No judgement is possible."


def test_the_verdict_is_the_last_line_and_the_facts_stand_before_it():
    text = verdict()
    assert text.splitlines()[-1] == "No judgement is possible."
    for fact in (
        "seed 42",
        "binary: LiteLLM 1.106.2",
        "30 client, 41 upstream",
        "2 undeclared, 2 declared",
        "6: 1 same",
    ):
        assert fact in text


def test_where_they_differ_is_named_with_both_values():
    lines = verdict("different").splitlines()
    start = lines.index("  type /client/*/response/body/n")
    assert lines[start + 1 : start + 4] == ["    in claude-code/different", "    baseline  1", "    candidate null"]
    assert lines[-1] == "The proxies differ."


def test_problems_musts_and_stale_declarations_are_told():
    text = verdict(unused=(DECLARED,))
    assert "claude-code/problem: candidate: the target died" in text
    assert "    must: equals 200\n    is:   500" in text
    assert "declaration server: unused" in text


def test_no_escape_sequence_of_the_wire_reaches_the_terminal():
    assert "\x1b" not in verdict()


def test_long_values_are_shortened_and_long_paths_are_not():
    different = judgement("different")
    found = different.verdicts[0].unexplained[0]
    long = type(found)("/client/0/response/headers/" + "x" * 100, "y" * 100_000, "z")
    scenario = type(different.verdicts[0])("claude-code/different", different.verdicts[0].outcome, unexplained=(long,))
    lines = verdict("different", verdicts=(scenario,)).splitlines()
    assert any(line.endswith("x" * 100) for line in lines)
    assert max(len(line) for line in lines if "y" in line) <= 80


def test_many_places_are_cut_short_and_said_to_be():
    different = judgement("different")
    found = type(different.verdicts[0].unexplained[0])
    many = tuple(found(f"/client/0/{name * 3}", 1, 2) for name in "abcdefghijklmnopqrstuvwxyz")
    scenario = type(different.verdicts[0])("claude-code/different", different.verdicts[0].outcome, unexplained=many)
    assert "... and at 6 more places: see parity.md" in verdict("different", verdicts=(scenario,))


def test_the_files_are_named():
    text = plain(show_verdict, summary(judgement("same"), Redaction()), (Path("reports/runs/a1/parity.md"),))
    assert "reports/runs/a1/parity.md" in text
    assert text.splitlines()[-1] == "The proxies agree."


def test_colour_is_only_for_terminals():
    assert "\x1b[" in plain(show_scenario, OUTCOMES["same"], force_terminal=True, color_system="standard")
    assert "\x1b[" not in plain(show_scenario, OUTCOMES["same"])
