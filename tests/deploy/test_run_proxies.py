"""The command as it is typed."""

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from deploy.journal import Change, Journal
from deploy.state import state_folder
from harness.replay.ports import free_port
from tests.waiting import PATIENCE

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.environ.get("HOME", ""),
    "LITELLM_MASTER_KEY": "sk-master",
    "OPENAI_API_KEY": "sk-of-openai",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
CONFIG = """
model_list:
  - {model_name: gpt-5, litellm_params: {model: openai/gpt-5, api_key: os.environ/OPENAI_API_KEY}}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
"""


async def run(*options: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "deploy/run_proxies.py", *options),
        env=ENVIRONMENT | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def told(*options: str, **environment: str) -> tuple[int | None, str]:
    process = await run(*options, **environment)
    said, _ = await process.communicate()
    return process.returncode, said.decode()


def _terminate(process: asyncio.subprocess.Process) -> None:
    """Nothing, where it has ended; a launcher ends what it has started."""
    if process.returncode is None:
        process.terminate()


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (("--config", "nowhere.yaml"), {}, "error: nowhere.yaml is no file"),
        ((), {"USE_SDK_PROXY": "perhaps"}, "error: USE_SDK_PROXY=perhaps: say true or false"),
        (("--run-both", "--port", "8765"), {}, "error: production and sdk cannot both have port 8765"),
        (("--port", "http"), {}, "'http' is not a valid integer"),
        (("cutover", "--port", "1"), {}, "error: no launcher runs for port 1: start python deploy/run_proxies.py"),
        (("cutover", "--force", " "), {}, "--force needs a reason"),
        (("route",), {}, "say who goes where, as in pycharm=sdk, or --none"),
        (("route", "pycharm=sdk", "--port", "1"), {}, "error: no launcher runs for port 1: start python"),
    ],
)
async def test_what_cannot_be_is_one_sentence_and_exit_code_2(
    options: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    code, output = await told(*options, **environment)
    assert (code, said in output, "Traceback" in output) == (2, True, False), output


@pytest.mark.parametrize(
    ("option", "config", "said"),
    [
        ("pychram=sdk", CONFIG, "error: route pychram=sdk: nobody is called 'pychram': there are anthropic-python"),
        ("pycharm=sdk", "model_list: 1", "config.yaml"),
    ],
)
async def test_a_route_that_leads_nowhere_starts_nothing(tmp_path: Path, option: str, config: str, said: str) -> None:
    (tmp_path / "config.yaml").write_text(config)
    options = ("--port", str(free_port()), "--config", str(tmp_path / "config.yaml"), "--logs", str(tmp_path))
    code, output = await told(*options, "--route", option, XDG_STATE_HOME=str(tmp_path))
    assert (code, said in output, "ready" in output, "Traceback" in output) == (2, True, False, False), output


async def test_the_sdk_proxy_is_the_primary_alone_is_shown_and_is_gone_after_sigterm(tmp_path: Path) -> None:
    config, port = tmp_path / "config.yaml", free_port()
    config.write_text(CONFIG)
    options = ("--port", str(port), "--logs", str(tmp_path))
    environment = {"USE_SDK_PROXY": "true", "CONFIG_PATH": str(config), "XDG_STATE_HOME": str(tmp_path)}
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        process = await run(*options, **environment)
        stack.callback(_terminate, process)
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith(f"sdk-proxy: ready on port {port} after"), line
        url = f"http://127.0.0.1:{port}/health/readiness"
        async with asyncio.TaskGroup() as group:
            answer = group.create_task(asyncio.to_thread(httpx.get, url, trust_env=False, timeout=30))
            second = group.create_task(told(*options, **environment))
        assert answer.result().status_code == 200
        assert (second.result()[0], f"a launcher (pid {process.pid}) has port {port}" in second.result()[1]) == (
            2,
            True,
        )
        code, shown = await told("--status", *options, **environment)
        pid = line.partition("(pid ")[2].partition(",")[0]
        assert (code, shown.splitlines()) == (
            0,
            [f"primary: sdk, port {port}, answering: sdk", f"sdk-proxy: ready, port {port}, pid {pid}"],
        )
        assert await told("cutover", "--port", str(port), **environment) == (
            0,
            "the SDK proxy is the primary already\n",
        )
        process.terminate()
        said, _ = await process.communicate()
    assert (process.returncode, said.decode()) == (0, "all stopped\n")
    code, shown = await told("--status", *options, **environment)
    assert (code, shown.splitlines()[-1]) == (1, f"production: port {port}, not running")
    assert "sk-master" not in (tmp_path / "sdk-proxy.log").read_text()


async def test_a_rollback_where_no_launcher_runs_holds_for_the_next_start(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    kept = Journal(state_folder(9000, environment))
    kept.add(Change("cutover", "me", "binary", "sdk", "a test"))
    code, said = await told("--port", "9000", "rollback", "--reason", "it is slow", **environment)
    assert (code, "no launcher runs for port 9000; the primary is the binary proxy" in said) == (0, True)
    code, said = await told("journal", "--port", "9000", **environment)
    assert [json.loads(line)["reason"] for line in said.splitlines()] == ["a test", "it is slow"]
    assert kept.primary() == "binary"
