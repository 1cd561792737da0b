"""The two commands of people's notes, as they are typed."""

import asyncio
import os
import sys

import pytest

from harness.replay.ports import free_port
from harness.upstream.paced import Pace, PacedUpstream


async def told(*command: str, key: str = "sk-a-key-of-the-gateway") -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], "LITELLM_MASTER_KEY": key, "PYTHON": sys.executable},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def load(port: int, *options: str, key: str = "sk-a-key-of-the-gateway") -> tuple[int | None, str]:
    return await told(sys.executable, "tests/load_test_sdk.py", "--port", str(port), *options, key=key)


async def test_so_many_requests_are_sent_and_told() -> None:
    async with PacedUpstream(pace=Pace(0.01, 0.001, 5)) as upstream:
        code, said = await load(int(upstream.url.rpartition(":")[2]), "--num-requests", "60")
    assert (code, upstream.counts.calls) == (0, 60), said
    assert "errors        0 (0.00 %" in said
    assert "sk-a-key" not in said


async def test_a_proxy_that_is_not_there_is_all_errors_and_exit_code_1() -> None:
    code, said = await load(free_port(), "--num-requests", "5")
    assert (code, "errors        5 (100.00 %" in said, "refused" in said) == (1, True, True), said


@pytest.mark.parametrize(("options", "key"), [((), ""), (("--num-requests", "0"), "sk-a")])
async def test_what_cannot_be_is_told_with_exit_code_2(options: tuple[str, ...], key: str) -> None:
    code, said = await load(free_port(), *options, key=key)
    assert (code, "Error: " in said, "Traceback" in said) == (2, True, False), said


async def test_the_parity_script_is_the_harness_s_own_command() -> None:
    few = ("--scenarios", "tests/harness/recordings")
    code, said = await told("tests/validate_feature_parity.sh", *few, "-k", "no scenario has this name")
    assert (code, "no scenario is left to replay" in said) == (2, True), said
