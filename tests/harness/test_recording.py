"""A recorder in front of a gateway, as a user starts it."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from harness.model import Request, Response
from harness.replay.client import send
from harness.replay.ports import free_port
from harness.traffic.scenario_file import read
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay

ROOT = Path(__file__).parents[2]
ASKED = Request(
    "POST",
    "/v1/chat/completions",
    (("Authorization", "Bearer sk-live-0123456789abcdef"), ("Content-Type", "application/json")),
    b'{"model":"gpt-5","stream":true,"messages":[{"role":"user","content":"What is the secret of Monica Smith?"}]}',
)


async def started(program):
    """The recorder has said where it listens."""
    return (await program.stdout.readline()).decode()


async def test_what_passes_the_recorder_becomes_a_scenario_when_it_is_interrupted(tmp_path):
    file, listen, provider = tmp_path / "scripts" / "asks.yaml", free_port(), free_port()
    async with SimulatedUpstream(improvise=autoplay()) as gateway:
        ports = ["--listen", str(listen), "--upstream-listen", str(provider)]
        command = [sys.executable, "-m", "harness", "record", str(file), "--to", gateway.url, *ports]
        program = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
        assert str(listen) in await started(program)
        exchange = await send(ASKED, f"http://127.0.0.1:{listen}")
        program.send_signal(signal.SIGINT)
        await program.communicate()
    assert program.returncode == 0
    assert isinstance(exchange.outcome, Response)
    assert exchange.outcome.body.endswith(b"data: [DONE]\n\n")
    scenario = read(file)
    assert scenario.id == "scripts/asks"
    assert scenario.recorded
    assert ("Authorization", "Bearer <key>") in scenario.steps[0].request.headers
    assert not any(word in file.read_text() for word in ("sk-live", "0123456789abcdef", "Monica", "secret"))
