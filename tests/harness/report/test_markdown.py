import re

import pytest

from harness.report.markdown import cell, code, fenced, markdown
from harness.report.redaction import Redaction
from harness.report.summary import summary
from tests.harness.report.judgements import DECLARED, judgement


def page(*outcomes, **more):
    return markdown(summary(judgement(*outcomes, **more), Redaction()))


def test_the_verdict_the_seed_the_versions_and_the_counts_come_first():
    head = page().split("\n## ")[0]
    assert head.startswith("# Parity: no judgement is possible\n")
    for fact in (
        "seed `42`",
        "LiteLLM SDK 1.106.2",
        "6 scenarios: 1 same",
        "30 exchanges with the clients",
        "exit code 2",
    ):
        assert fact in head


def test_cosmetic_differences_have_a_table_of_their_own():
    text = page("same", "cosmetic", "different")
    seen, cosmetic = text.split("## Cosmetic differences: no client can see them")
    assert "`/client/*/response/body/n`" in seen.split("## Undeclared differences")[1]
    assert "capitals" not in seen
    assert "| `/client/*/response/capitals/*` | extra | 1: claude-code/cosmetic |" in cosmetic
    assert "### `/client/0/response/capitals/0` extra, cosmetic" in cosmetic
    assert "Differences: 1 declared, 3 undeclared (1 of them cosmetic)." in text
    assert page("cosmetic").startswith("# Parity: the proxies agree, but for 1 cosmetic difference\n")


def test_a_difference_has_its_path_its_kind_both_values_and_how_to_look_further():
    text = page("different")
    assert "### `/client/1/response/body/n` type\n\nbaseline\n\n```\n1\n```\n\ncandidate\n\n```\nnull\n```" in text
    assert "`python -m harness compare reports/runs/2026-11-23-a1`" in text
    assert "It is \\| claude-code/different" in text
    assert "missing, declared by server" in text


def test_scenarios_that_are_the_same_have_a_row_and_no_section():
    text = page()
    assert "| claude-code/same | same | 0 | 0 |" in text
    assert "## claude-code/same" not in text


def test_noise_broken_musts_and_problems_are_told():
    text = page()
    assert "### noise, baseline against itself: `/client/0/response/body/error/message` changed" in text
    assert "* **must**, candidate: `/client/0/response/status` equals `200`, found `500`" in text
    assert "the target died" in text


def test_declarations_that_are_not_true_are_told():
    assert "| server | unused | `**/server` |" in page("same", unused=(DECLARED,))
    assert "Declarations that are not true" not in page("same")


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    for table in re.findall(r"(?:^\|.*\n)+", page(), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table


def test_no_line_of_a_table_is_torn_off_it():
    text = page(unused=(DECLARED,))
    for head, first in re.findall(r"^(\|-.*)\n(.*)$", text, re.MULTILINE):
        assert first.startswith("| "), (head, first)


@pytest.mark.parametrize(("text", "safe"), [("a|b", "a\\|b"), ("a\nb", "a b"), ("<b>", "\\<b\\>"), ("`x`", "\\`x\\`")])
def test_text_in_a_cell_is_no_markup(text, safe):
    assert cell(text) == safe


def test_code_may_hold_backticks():
    assert code("a`b") == "``a`b``"
    assert code("`") == "`` ` ``"
    assert fenced("```\nx") == "````\n```\nx\n````"
