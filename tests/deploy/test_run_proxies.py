"""The command as it is typed."""

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest

from harness.replay.ports import free_port

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


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (("--config", "nowhere.yaml"), {}, "error: nowhere.yaml is no file"),
        ((), {"USE_SDK_PROXY": "perhaps"}, "error: USE_SDK_PROXY=perhaps: say true or false"),
        (("--run-both", "--port", "8765"), {}, "error: binary-proxy and sdk-proxy cannot both have port 8765"),
        (("--port", "http"), {}, "'http' is not a valid integer"),
    ],
)
async def test_what_cannot_be_is_one_sentence_and_exit_code_2(
    options: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    code, output = await told(*options, **environment)
    assert (code, said in output, "Traceback" in output) == (2, True, False), output


async def test_the_sdk_proxy_is_the_primary_alone_is_shown_and_is_gone_after_sigterm(tmp_path: Path) -> None:
    config, port = tmp_path / "config.yaml", free_port()
    config.write_text(CONFIG)
    options = ("--port", str(port), "--logs", str(tmp_path))
    environment = {"USE_SDK_PROXY": "true", "CONFIG_PATH": str(config), "XDG_STATE_HOME": str(tmp_path)}
    async with asyncio.timeout(120):
        process = await run(*options, **environment)
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith(f"sdk-proxy: ready on port {port} after"), line
        assert httpx.get(f"http://127.0.0.1:{port}/health/readiness", trust_env=False).status_code == 200
        assert await told("--status", *options, **environment) == (
            0,
            f"sdk-proxy: ready, port {port}, {_owner(line)}\n",
        )
        process.terminate()
        said, _ = await process.communicate()
    assert (process.returncode, said.decode()) == (0, "all stopped\n")
    assert await told("--status", *options, **environment) == (1, f"sdk-proxy: not running, port {port}\n")
    assert "sk-master" not in (tmp_path / "sdk-proxy.log").read_text()


def _owner(line: str) -> str:
    pid = line.partition("(pid ")[2].partition(",")[0]
    return f"{Path(f'/proc/{pid}/comm').read_text().strip()} (pid {pid})"
