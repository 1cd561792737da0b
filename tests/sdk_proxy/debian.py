"""Real programs, on free ports, for as long as a test takes; a test is skipped where they are not installed."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from harness.replay.ports import free_port
from tests.sdk_proxy.sdk import CONFIG
from tests.waiting import PATIENCE, until_async

_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off; client_max_body_size 64m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream replicas {{ {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://replicas; proxy_http_version 1.1; proxy_buffering off; }}
  }}
}}
"""


# The SDK proxy, but for the seconds after which a call waits no longer for another's: on a busy machine each would be
# over before the first call's answer, and the next call would meet a challenge of its own.
_PATIENT = f"""
import runpy
from sdk_proxy import challenge, cookie_redis
challenge.Origins.__init__.__defaults__ = ({PATIENCE},)
cookie_redis._ANSWER = cookie_redis._LOCK = {PATIENCE}
runpy.run_module("sdk_proxy", run_name="__main__", alter_sys=True)
"""


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    return found


@asynccontextmanager
async def running(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> AsyncIterator[None]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env=env, stdout=output, stderr=output, cwd=CONFIG.parents[1]
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def redis_server(folder: Path) -> AsyncIterator[str]:
    """Its URL."""
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder))
    async with running((program("redis-server"), *options), folder / "redis.log"):
        url = f"redis://127.0.0.1:{port}/0"

        async def answers() -> bool:
            async with Redis.from_url(url) as redis:
                return bool(await redis.ping())

        await until(answers)
        yield url


@asynccontextmanager
async def nginx(folder: Path, replicas: Sequence[str]) -> AsyncIterator[str]:
    port = free_port()
    servers = " ".join(f"server {url.removeprefix('http://')};" for url in replicas)
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, port=port, servers=servers))
    async with running((program("nginx"), "-e", str(folder / "nginx.log"), "-c", str(file)), folder / "nginx.out"):
        await until(healthy(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def sdk_proxy(folder: Path, env: Mapping[str, str]) -> AsyncIterator[str]:
    port = free_port()
    command = (sys.executable, "-c", _PATIENT, "--config", str(CONFIG), "--port", str(port))
    async with running(command, folder / f"sdk-proxy-{port}.log", {**env, "HOME": str(folder)}):
        await until(healthy(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"


def healthy(url: str) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            return (await client.get(f"{url}/health")).status_code == 200

    return answers


async def until(answers: Callable[[], Awaitable[bool]]) -> None:
    async def is_there() -> bool:
        try:
            return await answers()
        except (OSError, RedisError, httpx.HTTPError):
            return False

    await until_async(is_there)
