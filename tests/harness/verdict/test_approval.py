from dataclasses import replace

import pytest

from harness.errors import BadInput
from harness.model import Absent, Difference, Kind, Outcome, Verdict
from harness.verdict.approval import append, entry, scenarios_of, undeclared
from harness.verdict.declared import explains, read_declarations

LOST = Difference("/client/3/response/headers/server", "uvicorn", Absent.ABSENT)
WHY = 'Only LiteLLM\'s "own" server process names itself: ü, \\, 👋.'


def verdict(scenario, *differences):
    return Verdict(scenario, Outcome.DIFFERENT, unexplained=differences)


def test_the_same_difference_in_many_scenarios_is_one_thing_to_decide():
    elsewhere = replace(LOST, path="/client/0/response/headers/server")
    other = replace(LOST, candidate="nginx")
    found = undeclared([verdict("curl/a", LOST), verdict("curl/b", elsewhere, other)])
    assert [(one.where, one.kind, one.scenarios) for one in found] == [
        ("/client/*/response/headers/server", Kind.MISSING, ("curl/a", "curl/b")),
        ("/client/*/response/headers/server", Kind.CHANGED, ("curl/b",)),
    ]


@pytest.mark.parametrize(
    ("scenarios", "pattern"),
    [(["curl/a"], "curl/a"), (["curl/a", "curl/b"], "curl/*"), (["curl/a", "pycharm/b"], "**")],
)
def test_an_entry_reaches_no_further_than_it_must(scenarios, pattern):
    assert scenarios_of(scenarios) == pattern


def test_an_entry_that_is_appended_explains_what_it_was_made_from(tmp_path):
    file = tmp_path / "differences.toml"
    file.write_text("# what we know\n")
    (one,) = undeclared([verdict("curl/a", LOST)])
    append(file, entry("server", one, WHY, "2026-11-23", better=True))
    (declared,) = read_declarations(file)
    assert (declared.why, declared.better) == (WHY, True)
    assert explains(declared, "curl/a", LOST)
    assert not explains(declared, "curl/b", LOST)
    assert file.read_text().startswith("# what we know\n\n[[difference]]\n")


def test_an_entry_that_cannot_stand_there_leaves_the_file_as_it_was(tmp_path):
    file = tmp_path / "differences.toml"
    file.write_text("")
    (one,) = undeclared([verdict("curl/a", LOST)])
    append(file, entry("server", one, WHY, "2026-11-23", better=False))
    before = file.read_text()
    for name, why in (("server", WHY), ("Not A Name", WHY), ("short", "because"), ("half", f"{WHY} \ud800")):
        with pytest.raises(BadInput, match="differences"):
            append(file, entry(name, one, why, "2026-11-23", better=False))
        assert file.read_text() == before


def test_a_secret_that_got_out_cannot_be_declared():
    (one,) = undeclared([verdict("curl/a", Difference("/client/0/response/body/a", "x", "<OPENAI_API_KEY>"))])
    assert one.secret
