"""A proxy that warms up, with an upstream behind Cloudflare."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import litellm
import pytest

from harness.model import header
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from harness.upstream.cloudflare import Cloudflare
from sdk_proxy.cookie_jar import CookieStore
from sdk_proxy.session_manager import persistent_clients
from sdk_proxy.warm_up import origins, warm_up
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]


def deployment(api_base: str | None) -> dict[str, dict[str, str]]:
    return {"litellm_params": {"model": "openai/gpt-5"} | ({"api_base": api_base} if api_base else {})}


def test_each_origin_is_asked_once_and_without_what_its_address_may_hold() -> None:
    bases = (
        "https://a.example/v1",
        "https://a.example/v2",
        "http://user:secret@b.example:81",
        None,
        "b.example",
        "http://[::1",
    )
    assert origins(deployment(base) for base in bases) == ["http://b.example:81/", "https://a.example/"]


async def test_a_challenge_is_met_before_the_first_client_and_by_nobody_after() -> None:
    edge = Cloudflare(autoplay())
    async with SimulatedUpstream(improvise=edge, gap=0) as upstream, persistent_clients(CookieStore()):
        await warm_up([f"{upstream.url}/"])
        asked = list(upstream.unscripted)
        body = {"model": "m", "messages": []}
        post = litellm.module_level_aclient.client.post
        answers = await asyncio.gather(*(post(f"{upstream.url}/v1/messages", json=body) for _ in range(20)))
    assert {(each.request.method, each.request.path) for each in asked} == {("GET", "/")}
    assert not any(header(each.request.headers, "authorization") for each in asked)
    assert ({answer.status_code for answer in answers}, edge.challenges.total()) == ({200}, 1)


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_whatever_an_upstream_answers_calls_go_together_after_it(status: int) -> None:
    together = asyncio.Barrier(3)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readuntil(b"\r\n\r\n")
        if line.startswith(b"GET /meet"):
            await together.wait()
        writer.write(b"HTTP/1.1 %d x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, persistent_clients(CookieStore()):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await warm_up([url])
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(litellm.module_level_aclient.client.get(f"{url}meet") for _ in range(3)))


async def test_an_upstream_that_is_not_there_is_no_error() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        gone = server.sockets[0].getsockname()[1]
    async with persistent_clients(CookieStore()):
        await warm_up([f"http://127.0.0.1:{gone}/", f"http://{'x' * 64}.invalid/", "http://127.0.0.1:99999/"])
        with pytest.raises(httpx.ConnectError):
            await litellm.module_level_aclient.client.get(f"http://127.0.0.1:{gone}/")


def test_the_first_calls_of_a_warm_process_import_nothing() -> None:
    """In a process of its own: what another test has imported is here already."""
    command = [sys.executable, "-m", "tests.sdk_proxy.first_calls"]
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    told = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout.splitlines()[-1]) == []
