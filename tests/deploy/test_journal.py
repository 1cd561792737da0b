import json
from pathlib import Path

import pytest

from deploy.journal import Change, Journal
from deploy.programs import BadInput

CUTOVER = Change("cutover", "me@here", "binary", "sdk", "the gate says READY", {"verdict": "READY", "commit": "abc"})
ROLLBACK = Change("rollback", "launcher", "sdk", "binary", "3 of 100 answers failed")


def test_every_change_is_kept_with_who_when_why_and_the_verdict(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state")
    for change in (CUTOVER, ROLLBACK):
        journal.add(change)
    first, second = journal.changes()
    assert (first["from"], first["to"], first["by"], first["verdict"]["commit"]) == ("binary", "sdk", "me@here", "abc")
    assert (second["what"], second["reason"], second["verdict"]) == ("rollback", "3 of 100 answers failed", None)
    assert first["at"].endswith("+00:00")


def test_the_last_decision_says_who_is_the_primary(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.primary() == "binary"
    journal.add(CUTOVER)
    assert journal.primary() == "sdk"
    journal.add(Change("failover", "launcher", "sdk", "binary", "it died"))
    journal.add(Change("start", "me", "sdk", "binary", "USE_SDK_PROXY"))
    assert journal.primary() == "sdk"
    journal.add(ROLLBACK)
    assert journal.primary() == "binary"


def test_a_line_that_was_cut_in_its_middle_is_left_alone_and_the_next_is_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(CUTOVER)
    with journal.file.open("a") as out:
        out.write('{"at": "2026')
    assert journal.primary() == "sdk"
    journal.add(ROLLBACK)
    assert [each["what"] for each in journal.changes()] == ["cutover", "rollback"]
    assert json.loads(journal.file.read_text().splitlines()[-1])["what"] == "rollback"


def test_what_the_launcher_never_wrote_is_told_with_its_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.file.write_text("so it goes\nand so on\n")
    with pytest.raises(BadInput, match="line 1: not what the launcher writes"):
        journal.changes()
