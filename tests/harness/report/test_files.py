import json

import pytest

from harness.errors import BadInput
from harness.report.files import write_reports
from harness.report.redaction import Redaction
from harness.report.summary import summary
from tests.harness.report.judgements import judgement

NONE = Redaction()


def test_three_reports_are_written_and_nothing_else(tmp_path):
    files = write_reports(summary(judgement(), NONE), tmp_path / "runs" / "a1", NONE)
    assert [file.name for file in files] == ["parity.json", "parity.md", "junit.xml"]
    assert sorted(files) == sorted((tmp_path / "runs" / "a1").iterdir())


def test_parity_json_is_the_summary(tmp_path):
    result = summary(judgement(), NONE)
    write_reports(result, tmp_path, NONE)
    assert json.loads((tmp_path / "parity.json").read_text()) == result


def test_no_secret_is_in_any_of_them(tmp_path):
    secrets = Redaction(["uvicorn", "no | `such` model <x>", "the target died"])
    for file in write_reports(summary(judgement(), secrets), tmp_path, secrets):
        assert not any(word in file.read_text() for word in ("uvicorn", "such", "target died")), file


def test_a_writer_that_is_given_too_little_leaves_the_old_report_whole(tmp_path):
    write_reports(summary(judgement("same"), NONE), tmp_path, NONE)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(KeyError):
        write_reports({"verdict": "?"}, tmp_path, NONE)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_report_that_cannot_be_put_in_its_place_leaves_no_rest(tmp_path):
    (tmp_path / "parity.json" / "in the way").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"parity\.json: cannot be written: Is a directory"):
        write_reports(summary(judgement("same"), NONE), tmp_path, NONE)
    assert [file.name for file in tmp_path.iterdir()] == ["parity.json"]
