import sys

from harness.model import Process, Reply, Request, Target
from harness.replay.client import send
from harness.replay.ports import free_port
from harness.replay.target import running
from harness.sabotage.flawed import flaw
from harness.sabotage.processes import command
from harness.upstream.app import SimulatedUpstream

REQUEST = Request("POST", "/v1/messages", (("Authorization", "Bearer sk-1"),), b"{}")


def test_a_flawed_process_passes_every_request_on_as_it_is():
    assert flaw(16, log=True).request(REQUEST) == REQUEST


def test_it_prints_the_keys_only_where_that_is_its_flaw(capsys):
    flaw(0, log=False).request(REQUEST)
    assert capsys.readouterr().out == ""
    flaw(0, log=True).request(REQUEST)
    assert "sk-1" in capsys.readouterr().out


async def test_as_a_program_it_stands_before_a_gateway(tmp_path):
    names = {"python": sys.executable, "flawed_port": str(free_port())}
    url = f"http://127.0.0.1:{names['flawed_port']}"
    log = tmp_path / "logs" / "flawed.log"
    async with SimulatedUpstream(improvise=lambda _: Reply(200, (), b"{}")) as gateway:
        flawed = Process("flawed", command(gateway.url, slow=0), f"{url}/health")
        async with running(Target("flawed", url, (flawed,)), names, log.parent, {}) as target:
            exchange = await send(REQUEST, target.url)
            assert exchange.outcome.body == b"{}"
            assert "sk-1" in log.read_text()
