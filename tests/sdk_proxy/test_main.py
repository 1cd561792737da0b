import faulthandler
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sdk_proxy import running
from sdk_proxy.__main__ import main
from sdk_proxy.operation import Operation
from tests.sdk_proxy.sdk import CONFIG, environment
from tests.waiting import PATIENCE

GOOD = environment("http://127.0.0.1:9")


def run(*arguments: str, environ: dict[str, str] = GOOD) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-m", "sdk_proxy", *arguments]
    root = CONFIG.parents[1]
    return subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)


def said(result: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in result.stderr.splitlines() if not line.startswith("import time:")]


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in GOOD.items() if name not in names}


def test_a_missing_master_key_is_one_line_and_exit_code_2_before_litellm_is_imported() -> None:
    result = run("--config", str(CONFIG), environ=without("LITELLM_MASTER_KEY"))
    (line,) = said(result)
    assert (result.returncode, line.startswith("error: ")) == (2, True)
    assert "general_settings.master_key: the environment variable LITELLM_MASTER_KEY is not set" in line
    assert "| litellm" not in result.stderr


def test_strict_refuses_with_all_missing_variables_in_one_line() -> None:
    result = run("--strict", "--config", str(CONFIG), environ=without("OPENAI_API_KEY", "GEMINI_API_BASE"))
    (line,) = said(result)
    assert (result.returncode, line.startswith("error: ")) == (2, True)
    assert "OPENAI_API_KEY (model_list.5.litellm_params.api_key)" in line
    assert "GEMINI_API_BASE (model_list.10.litellm_params.api_base)" in line
    assert line.endswith(": set them, or start without --strict")
    assert "| litellm" not in result.stderr


def test_missing_variables_are_one_warning_that_stops_nothing(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.read_text(encoding="utf-8") + "guardrails: [{a: b}]\n")
    result = run("--config", str(file), environ=without("OPENAI_API_KEY", "GEMINI_API_BASE"))
    first, *others = said(result)
    assert first.startswith(f"warning: {file}: environment variables that are not set: OPENAI_API_KEY (")
    assert "GEMINI_API_BASE (model_list.10.litellm_params.api_base)" in first
    assert [line.partition(":")[0] for line in others] == ["error"]  # that of the guardrails


def test_a_file_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = run("--config", str(tmp_path / "none.yaml"))
    (line,) = said(result)
    assert (result.returncode, "cannot be read" in line) == (2, True)


def test_a_port_that_is_taken_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("--config", str(CONFIG), "--port", port)
    (line,) = said(result)
    assert (result.returncode, f"port {port}" in line) == (2, True)


def test_what_litellm_s_router_does_not_take_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.read_text(encoding="utf-8") + "router_settings: {fallbacks: [moon]}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = run("--config", str(file), "--port", str(port))
    assert result.returncode == 2
    assert said(result)[-1].endswith("router_settings.fallbacks: Item 'moon' is not a dictionary.")


def test_what_is_refused_is_told_with_its_line_and_what_is_ignored_as_well(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.read_text(encoding="utf-8") + "guardrails: [{a: b}]\nnonsense: 1\nmcp_servers: {a: b}\n")
    result = run("--config", str(file), environ={**GOOD, "DATABASE_URL": "postgres://"})
    assert result.returncode == 2
    assert [line.partition(": " + str(file))[0] for line in said(result)][:3] == ["error", "warning", "error"]
    assert said(result)[3].startswith("warning: DATABASE_URL is set")
    assert "guardrails: no guardrails are run here" in said(result)[0]


def test_a_cookie_jar_that_is_no_place_is_one_line_and_exit_code_2() -> None:
    result = run("--config", str(CONFIG), "--cookie-jar", "http://:canary-password@host/")
    (line,) = said(result)
    assert (result.returncode, "no place for cookies" in line, "canary" in line) == (2, True, False)


@pytest.mark.parametrize(
    ("arguments", "variable", "expected"),
    [([], None, True), (["--no-fast-path"], None, False), ([], "off", False), (["--fast-path"], "off", True)],
)
def test_the_option_or_the_variable_turns_the_fast_path_off(
    arguments: list[str], variable: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Operation] = []

    def app(_: object, operation: Operation) -> None:
        served.append(operation)
        raise ValueError("enough")

    monkeypatch.setattr(running, "_app", app)
    monkeypatch.setattr(faulthandler, "enable", lambda: None)  # it needs a file for its words
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = ["--config", str(CONFIG), "--port", str(port), "--cookie-jar", "none", *arguments]
    result = CliRunner().invoke(main, given, env={"FAST_PATH": variable})
    assert [each.fast_path for each in served] == [expected], result.output
