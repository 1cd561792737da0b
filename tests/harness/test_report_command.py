import json

from click.testing import CliRunner

from harness.cli import main
from tests.harness.report.runs import stored


def test_the_page_is_written_again_from_what_is_stored(tmp_path):
    stored(tmp_path, 3)
    done = CliRunner().invoke(main, ["report", "--reports", str(tmp_path)])
    assert done.exit_code == 0
    assert (tmp_path / "latest" / "parity.html").is_file()
    assert "parity.html" in done.output


def test_without_a_run_it_says_what_to_do(tmp_path):
    done = CliRunner().invoke(main, ["report", "--reports", str(tmp_path)])
    assert done.exit_code == 2 and "nox -s parity" in done.output


def test_the_body_of_a_step_can_be_piped_into_curl():
    done = CliRunner().invoke(main, ["body", "claude-code/tool-loop", "--step", "1"])
    assert done.exit_code == 0
    assert json.loads(done.stdout_bytes)["messages"]


def test_a_scenario_or_a_step_that_is_not_there_is_named():
    assert "there is no such scenario" in CliRunner().invoke(main, ["body", "claude-code/nothing"]).stderr
    assert "it has no step 99" in CliRunner().invoke(main, ["body", "claude-code/tool-loop", "--step", "99"]).stderr
