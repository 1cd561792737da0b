from click.testing import CliRunner

from harness.cli import main
from tests.harness.test_journey import parity, settings  # noqa: F401 - a fixture

WHY = "This gateway of one screen loses it on purpose."


def approve(file, answers):
    folder = file.parent / "reports" / "latest"
    return CliRunner().invoke(main, ["approve", str(folder), "--settings", str(file)], input=answers)


def test_nothing_is_written_without_a_reason_and_a_yes(settings):  # noqa: F811
    file = settings("beta-changed")
    parity(file)
    declared = file.parent / "differences.toml"
    assert approve(file, "\n" * 9).exit_code == 1
    assert approve(file, f"{WHY}\nbeta\nn\nn\n" + "\n" * 9).exit_code == 1
    assert declared.read_text() == ""
    done = approve(file, f"short\n{WHY}\nbeta\nn\ny\n")
    assert done.exit_code == 0, done.output
    assert 'id = "beta"' in declared.read_text()
    assert approve(file, "").output.endswith("0 declared, 0 left as they are\n")


def test_a_folder_that_holds_no_run_is_exit_code_2(settings):  # noqa: F811
    done = approve(settings(), "")
    assert done.exit_code == 2
    assert "error:" in done.output
