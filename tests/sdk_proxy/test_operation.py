"""The SDK proxy as a process: it starts, says what it does, and ends as it was told to."""

import asyncio
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

from harness.model import Reply, Request, Wait
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from tests.sdk_proxy.sdk import CONFIG, KEY, NO_RETRIES, chat, client_of, environment, message
from tests.waiting import FOREVER, PATIENCE, wait_until

CANARY = "canary-7d31"
T = TypeVar("T")


async def test_the_metrics_count_what_was_answered_with_configured_models_only():
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        await client.post("/v1/chat/completions", json=chat("gpt-5", stream=True))
        await client.post("/v1/chat/completions", json=chat("nonsense"))
        told, port = (await client.get("/metrics")).text, client.base_url.port
    assert f'gateway_before_upstream_seconds_count{{model="gpt-5",port="{port}",route="/chat/completions"}} 1.0' in told
    assert 'gateway_requests_total{model="gpt-5",route="/chat/completions",status="200"} 1.0' in told
    assert 'gateway_requests_total{model="other",route="/chat/completions",status="400"} 1.0' in told
    assert 'gateway_errors_total{error="request",model="other",route="/chat/completions"} 1.0' in told
    assert 'gateway_ttft_seconds_count{model="gpt-5",route="/chat/completions"} 1.0' in told
    assert "gateway_in_flight 1.0" in told  # the one that asks


async def test_an_id_that_is_sane_comes_back_and_any_other_is_a_new_one():
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        ids = [
            (await client.get("/v1/models", headers={"x-request-id": sent})).headers["x-request-id"]
            for sent in ("check-1", "two words", "x" * 300)
        ]
    assert ids[0] == "check-1"
    assert all(len(made) == 36 for made in ids[1:])


async def test_no_key_cookie_prompt_or_answer_is_in_the_log_or_in_the_metrics(caplog):
    caplog.set_level("DEBUG", "sdk_proxy")
    headers = {"cookie": f"a={CANARY}", "x-api-key": CANARY, "x-request-id": f"{CANARY} {CANARY}"}
    async with (
        SimulatedUpstream(improvise=autoplay(), gap=0) as upstream,
        client_of(upstream, router_settings=NO_RETRIES) as client,
    ):
        for model in ("claude-sonnet-5", CANARY):
            body = message(model) | {"messages": [{"role": "user", "content": CANARY}], "system": CANARY}
            await client.post(f"/v1/messages?key={CANARY}", json=body, headers=headers)
        await client.get(f"/v1/models/{CANARY}", headers={"authorization": f"Bearer {CANARY}"})
        told = (await client.get("/metrics")).text + caplog.text
    assert "claude-sonnet-5" in caplog.text and '"status": 400' in caplog.text
    assert not [secret for secret in (CANARY, KEY, "anthropic-key") if secret in told]


@contextmanager
def running(upstream: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sdk_proxy", "--config", str(CONFIG), "--port", str(port), *options]
    environ = {**environment(upstream), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    process = subprocess.Popen(
        command, cwd=CONFIG.parents[1], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    url, key = f"http://127.0.0.1:{port}", {"authorization": f"Bearer {KEY}"}
    try:
        wait_until(lambda: process.poll() is not None or _listens(port))
        with httpx.Client(base_url=url, headers=key, timeout=PATIENCE) as client:
            yield process, client
    finally:
        process.kill()
        process.communicate()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def while_it_drains(attempt: Callable[[float], T]) -> T:
    """What `attempt` finds within a draining time, in seconds: a longer one where it was over before the proxy was
    asked, as on a machine that is very busy."""
    for seconds in (1.5, 10.0, 60.0):
        with suppress(httpx.TransportError):
            return attempt(seconds)
    return attempt(PATIENCE)


async def test_sigterm_lets_a_stream_go_on_says_that_it_is_not_ready_and_names_what_it_cut():
    def stalls(request: Request) -> Reply:
        reply = autoplay()(request)
        return replace(reply, acts=(*(reply.acts or ())[:3], Wait(FOREVER)))

    async with SimulatedUpstream(improvise=stalls, gap=0) as upstream:
        attempt = partial(_terminated_in_mid_stream, upstream.url)
        lines, readiness = await asyncio.to_thread(while_it_drains, attempt)
    assert readiness == 503
    assert not any("Traceback" in line for line in lines)
    assert any(line.startswith("cut after ") and "request to-be-cut to /chat/completions" in line for line in lines)
    record = next(json.loads(line) for line in lines if '"id": "to-be-cut"' in line)
    assert (record["model"], record["upstream_calls"], record["cookies_sent"]) == ("gpt-5", 1, False)


def _terminated_in_mid_stream(upstream: str, seconds: float) -> tuple[list[str], int]:
    with running(upstream, "--drain-seconds", str(seconds)) as (process, client):
        body, headers = chat("gpt-5", stream=True), {"x-request-id": "to-be-cut"}
        with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            pieces = answer.iter_raw()  # kept: the client hangs up when it is forgotten
            next(pieces)
            process.send_signal(signal.SIGTERM)
            readiness = _until_not_200(client)
            said: str = process.communicate(timeout=PATIENCE)[0]
    return said.splitlines(), readiness


def _until_not_200(client: httpx.Client) -> int:
    """The signal takes effect when the process has its turn."""
    while (status := client.get("/health/readiness").status_code) == 200:
        pass
    return status


def test_a_process_that_dies_of_a_bug_in_c_says_where_it_was():
    with running("http://127.0.0.1:9") as (process, client):
        assert client.get("/health/readiness").status_code == 200
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))  # it leaves no core behind in the tree
        process.send_signal(signal.SIGSEGV)
        said: str = process.communicate(timeout=PATIENCE)[0]
    assert "Fatal Python error: Segmentation fault" in said
    assert re.search(r'sdk_proxy/running.py", line \d+ in serve', said)


ALL_OF_THEM = 'gateway_requests_total{model="",route="/health",status="200"} 20.0'


async def test_two_workers_add_up_their_metrics_replace_one_that_dies_and_drain_together(tmp_path):
    """The one that replaces it has the configuration of the others, whatever the file says by then."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.read_text())

    def stalls(request: Request) -> Reply:
        reply = autoplay()(request)
        return replace(reply, acts=(*(reply.acts or ())[:3], Wait(FOREVER)))

    async with SimulatedUpstream(improvise=stalls, gap=0) as upstream:
        attempt = partial(_two_workers, upstream.url, config)
        lines, metrics = await asyncio.to_thread(while_it_drains, attempt)
    assert ALL_OF_THEM in metrics
    assert sum("another one is started" in line for line in lines) == 1
    assert [line.split("request ")[1].split()[0] for line in lines if line.startswith("cut after ")] == ["to-be-cut"]
    assert not any("Traceback" in line for line in lines)


def _two_workers(upstream: str, config: Path, seconds: float) -> tuple[list[str], str]:
    config.write_text(CONFIG.read_text())
    options = ("--config", str(config), "--workers", "2", "--drain-seconds", str(seconds))
    with running(upstream, *options) as (process, client):
        client.get("/health")
        for _ in range(19):  # each on a new connection: either worker may take it
            httpx.get(client.base_url.join("/health"), timeout=PATIENCE)
        wait_until(lambda: ALL_OF_THEM in _metrics(client))  # a request is counted after its answer
        config.write_text("a mistake")
        os.kill(_workers(process.pid)[0], signal.SIGKILL)
        metrics = _metrics(client)
        body, headers = chat("gpt-5", stream=True), {"x-request-id": "to-be-cut"}
        with (
            # The connection that there is may be the dead worker's.
            httpx.Client(base_url=client.base_url, headers=client.headers, timeout=PATIENCE) as another,
            another.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer,
        ):
            pieces = answer.iter_raw()
            next(pieces)
            process.send_signal(signal.SIGTERM)
            assert _until_not_200(another) == 503
            said: str = process.communicate(timeout=PATIENCE)[0]
    return said.splitlines(), metrics


def _workers(supervisor: int) -> list[int]:
    return [child.pid for child in psutil.Process(supervisor).children() if "spawn_main" in " ".join(child.cmdline())]


def _metrics(client: httpx.Client) -> str:
    """The worker that was killed may have taken the connection: then it is asked for again."""
    told: list[str] = []

    def is_told() -> bool:
        with suppress(httpx.TransportError):
            told.append(httpx.get(client.base_url.join("/metrics"), timeout=PATIENCE).text)
        return bool(told)

    wait_until(is_told)
    return told[0]


def test_the_log_for_people_is_one_line_a_request_with_all_that_is_known():
    with running("http://127.0.0.1:9", "--log-format", "text") as (process, client):
        headers = {"x-request-id": "check-1", "user-agent": "claude-cli/2.1.197 (external, cli)"}
        client.post("/v1/messages", json=message("nonsense"), headers=headers)
        process.send_signal(signal.SIGTERM)
        lines = process.communicate(timeout=PATIENCE)[0].splitlines()
    (line,) = [line for line in lines if line.startswith('id="check-1"')]
    assert re.sub(r"duration=[0-9.]+", "duration=<seconds>", line) == (
        'id="check-1" route="/messages" client="^claude-cli/" user_id="claude-code" model="other" status=400 '
        "ttft=None duration=<seconds> upstream_calls=0 cookies_sent=False client_left=False"
    )
