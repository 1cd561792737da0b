"""The commands that start gateways, on configurations with which those would call a real provider: nothing is started.

A server on loopback stands for the real provider: it must not be asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from harness.isolation.namespace import BY_CONFIGURATION, INSIDE, enter_namespace
from tests.harness.refused_commands import COMMANDS
from tests.harness.test_journey import RECORDINGS, SETTINGS
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
KEY = "sk-literal-key-of-the-user"
OWN = "{model: openai/gpt-5, api_base: os.environ/OPENAI_API_BASE, api_key: os.environ/OPENAI_API_KEY}"
MASTER = "general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}\n"
OTHER = "{model: openai/gpt-5-mini, api_base: 'http://127.0.0.1:<port>/v1', api_key: <key>}"
WILD = "{model: '*', api_base: 'http://127.0.0.1:<port>/v1', api_key: <key>}"
ONE = f"model_list:\n  - {{model_name: gpt-5, litellm_params: {OWN}}}\n"
# kind -> the configuration, and the line of what is refused
KINDS = {
    "literal": (f"model_list:\n  - {{model_name: gpt-5, litellm_params: {OTHER}}}\n", 2),
    "none": (
        "model_list:\n  - {model_name: gpt-5, litellm_params: {model: mistral/x}}\n"
        "environment_variables: {MISTRAL_API_BASE: 'http://127.0.0.1:<port>/v1', MISTRAL_API_KEY: <key>}\n",
        2,
    ),
    "fallback": (
        f"{ONE}  - {{model_name: other, litellm_params: {OTHER}}}\n"
        "router_settings: {fallbacks: [{gpt-5: [other]}]}\n",
        3,
    ),
    "wildcard": (f"model_list:\n  - {{model_name: '*', litellm_params: {WILD}}}\n", 2),
    "callback": (
        f"{ONE}litellm_settings: {{success_callback: [generic_api]}}\n"
        "environment_variables: {GENERIC_LOGGER_ENDPOINT: 'http://127.0.0.1:<port>/'}\n",
        3,
    ),
    "cache": (
        f"{ONE}litellm_settings: {{cache: true, cache_params: {{type: redis, host: 127.0.0.1, port: <port>}}}}\n",
        3,
    ),
}


class RealProvider(ThreadingHTTPServer):
    """Counts connections: a cache speaks no HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), BaseHTTPRequestHandler)
        self.asked = 0

    def get_request(self) -> tuple[object, object]:  # type: ignore[override]
        self.asked += 1
        return super().get_request()


@pytest.fixture
def provider() -> Iterator[RealProvider]:
    with RealProvider() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def write_config(folder: Path, kind: str, port: int) -> tuple[Path, int]:
    """The file, and the line that is refused."""
    text, line = KINDS[kind]
    file = folder / f"{kind}.yaml"
    file.write_text((text + MASTER).replace("<port>", str(port)).replace("<key>", KEY), encoding="utf-8")
    return file, line


def harness(*words: str, timeout: float = 120, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.mark.parametrize("kind", KINDS)
def test_parity_asks_no_real_provider(tmp_path: Path, provider: RealProvider, kind: str) -> None:
    file, line = write_config(tmp_path, kind, provider.server_port)
    reports = tmp_path / "reports"
    done = harness("harness", "parity", f"--config={file}", "-k", "curl/chat-openai", f"--reports={reports}")
    assert done.returncode == 2, done.stdout
    assert f"{file}:{line}: " in done.stdout
    assert "nothing was started" in done.stdout
    assert KEY not in done.stdout + done.stderr
    assert (provider.asked, reports.exists()) == (0, False)


def test_all_other_commands_refuse_the_same(tmp_path: Path, provider: RealProvider) -> None:
    lines = {str(file): line for file, line in (write_config(tmp_path, kind, provider.server_port) for kind in KINDS)}
    reports = tmp_path / "reports"
    done = harness("tests.harness.refused_commands", *lines, timeout=300, HARNESS_REPORTS=str(reports))
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(KINDS) * len(COMMANDS), done.stderr
    for config, command, code, output in said:
        assert (command, code) == (command, 2), output
        assert f"{config}:{lines[config]}: " in output.replace("\n", ""), (command, output)
        assert KEY not in output
    assert (provider.asked, reports.exists()) == (0, False)


def test_a_command_that_names_an_address_and_a_variable_that_has_one_are_refused(
    tmp_path: Path, provider: RealProvider
) -> None:
    (tmp_path / "differences.toml").write_text("")
    places = {"scenarios": RECORDINGS, "differences": tmp_path / "differences.toml", "reports": tmp_path / "reports"}
    text = SETTINGS.format(broken="nothing", mark=tmp_path, patience=PATIENCE, **places)
    real = f"http://127.0.0.1:{provider.server_port}"
    file = tmp_path / "harness.toml"
    for was, becomes, told in (
        ('"{upstream}"]', f'"{real}"]', "the command of gateway: has an address that is written out"),
        ("{ KEY =", f'{{ PROVIDER_BASE = "{real}", KEY =', "environment/PROVIDER_BASE: it is an address"),
        ('PROVIDER_KEY = "{secret}"', f'PROVIDER_KEY = "{KEY}"', "environment/PROVIDER_KEY: it is a credential"),
    ):
        assert was in text
        file.write_text(text.replace(was, becomes, 1))
        done = harness("harness", "parity", f"--settings={file}")
        assert (done.returncode, told in done.stdout, KEY in done.stdout) == (2, True, False), done.stdout
    assert provider.asked == 0


def settings_that_call(folder: Path, port: int) -> Path:
    """Two gateways that agree; the program that tells the baseline's version tries to reach the port."""
    program = folder / "version.py"
    program.write_text(
        "import socket, sys\n"
        "try:\n    socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)\n    print('reached')\n"
        "except OSError as error:\n    print(type(error).__name__)\n"
    )
    (folder / "differences.toml").write_text("")
    places = {"scenarios": RECORDINGS, "differences": folder / "differences.toml", "reports": folder / "reports"}
    text = SETTINGS.format(broken="nothing", mark=folder, patience=PATIENCE, **places)
    file = folder / "harness.toml"
    file.write_text(text.replace('["echo", "plain 1.0"]', f'["{{python}}", "{program}", "{port}"]'))
    return file


def test_what_a_run_starts_cannot_reach_a_server_outside_and_the_reports_say_so(
    tmp_path: Path, provider: RealProvider
) -> None:
    file = settings_that_call(tmp_path, provider.server_port)
    done = harness("harness", "parity", f"--settings={file}")
    assert done.returncode == 0, done.stdout + done.stderr
    if f"isolation: {INSIDE}" not in done.stdout:
        assert f"isolation: {BY_CONFIGURATION} (" in done.stdout
        pytest.skip("the kernel allows no network namespace")
    latest = tmp_path / "reports" / "latest"
    tree = json.loads((latest / "parity.json").read_text())
    assert [each["version"] for each in tree["targets"]][:2] == ["ConnectionRefusedError"] * 2
    assert provider.asked == 0
    assert tree["made"]["network"] == INSIDE
    assert f"isolation       {INSIDE}" in done.stdout
    for name in ("parity.md", "summary.md", "parity.html", "summary.json"):
        assert INSIDE in (latest / name).read_text(), name


def test_where_a_target_runs_already_the_reports_say_by_configuration_only_and_why(
    tmp_path: Path, provider: RealProvider
) -> None:
    file = settings_that_call(tmp_path, provider.server_port)
    text = file.read_text().replace('candidate = "other"', 'candidate = "running"')
    file.write_text(f'{text}\n[targets.running]\nurl = "http://127.0.0.1:{provider.server_port}"\n')
    done = harness("harness", "parity", f"--settings={file}", "-k", "message")
    why = f"{BY_CONFIGURATION} (the target running runs already, with a configuration that the harness does not know)"
    assert f"isolation: {why}" in done.stdout
    latest = tmp_path / "reports" / "latest"
    assert json.loads((latest / "parity.json").read_text())["made"]["network"] == why
    assert f"Isolation: {why}." in (latest / "parity.md").read_text()


def test_this_process_has_threads_and_stays_in_its_network(provider: RealProvider) -> None:
    assert provider.server_port
    assert "threads" in enter_namespace().why_not or sys.platform != "linux"
