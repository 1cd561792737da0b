import asyncio
import sys

import psutil

from harness.model import Process, Reply, Request, Target
from harness.replay.client import send
from harness.replay.ports import free_port
from harness.replay.target import running
from harness.sabotage.flawed import flaw
from harness.sabotage.processes import command
from harness.upstream.app import SimulatedUpstream
from tests.waiting import PATIENCE

REQUEST = Request("POST", "/v1/messages", (("Authorization", "Bearer sk-1"),), b"{}")


async def asked(leak, *, log, hold=False, requests=1):
    """What the flawed process makes of a request, and how many connections its upstream had from it."""
    async with SimulatedUpstream() as upstream:
        flawed = flaw(leak, ("127.0.0.1", int(upstream.url.rpartition(":")[2])), log=log, hold=hold)
        made = [flawed.request(REQUEST) for _ in range(requests)]
        async with asyncio.timeout(PATIENCE):
            while upstream.opened < requests:
                await asyncio.sleep(0.01)
        return made[0], upstream.opened


async def test_a_flawed_process_passes_every_request_on_as_it_is():
    made, _ = await asked(16, log=True)
    assert made == REQUEST


async def test_it_opens_a_connection_for_each_request():
    assert (await asked(0, log=False, requests=3))[1] == 3


async def test_it_keeps_a_file_open_for_each_request_only_where_that_is_its_flaw():
    files = psutil.Process().num_fds
    before = files()
    await asked(0, log=False, requests=3)
    assert files() == before
    async with SimulatedUpstream() as upstream:
        flawed = flaw(0, ("127.0.0.1", int(upstream.url.rpartition(":")[2])), log=False, hold=True)
        before = files()
        for _ in range(3):
            flawed.request(REQUEST)
        assert files() == before + 3


async def test_it_prints_the_keys_only_where_that_is_its_flaw(capsys):
    await asked(0, log=False)
    assert capsys.readouterr().out == ""
    await asked(0, log=True)
    assert "sk-1" in capsys.readouterr().out


async def test_as_a_program_it_stands_before_a_gateway(tmp_path):
    names = {"python": sys.executable, "flawed_port": str(free_port())}
    url = f"http://127.0.0.1:{names['flawed_port']}"
    log = tmp_path / "logs" / "flawed.log"
    async with SimulatedUpstream(improvise=lambda _: Reply(200, (), b"{}")) as gateway:
        flawed = Process("flawed", command(gateway.url, slow=0), f"{url}/health")
        names["upstream"] = gateway.url
        async with running(Target("flawed", url, (flawed,)), names, log.parent, {}) as target:
            exchange = await send(REQUEST, target.url)
            assert exchange.outcome.body == b"{}"
            assert "sk-1" in log.read_text()
