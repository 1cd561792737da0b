"""Call each provider that the harness lets through, with LiteLLM, and print where the process wanted to connect.

python -m tests.harness.isolation.provider_calls PROVIDER...  (JSON: provider -> [calls that came, foreign hosts])
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True"}
MESSAGES = [{"role": "user", "content": "hi"}]
MODELS = {"bedrock": "bedrock/anthropic.claude-3-sonnet-20240229-v1:0"}
KEYS = {"bedrock": {"aws_access_key_id": "AKIAX", "aws_secret_access_key": "x", "aws_region_name": "us-east-1"}}
LOOPBACK = ("127.0.0.1", "localhost", "::1", None)
foreign = set[str]()


def watch_sockets() -> None:
    """Every name that is looked up, and every address that is connected to, is noted and refused."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host: Any, *words: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in LOOPBACK:
            foreign.add(str(name))
            raise socket.gaierror(socket.EAI_NONAME, "refused")
        return look_up(host, *words, **options)

    def connected(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            foreign.add(str(address[0]))
            raise ConnectionRefusedError
        connect(self, address)

    socket.getaddrinfo = getaddrinfo
    socket.socket.connect = connected  # type: ignore[method-assign,assignment]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """400 to all."""
    with suppress(OSError, asyncio.IncompleteReadError, ValueError):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")), 0)
        await reader.readexactly(size)
        body = b'{"error": {"message": "no", "type": "invalid_request_error"}}'
        length = str(len(body)).encode()
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"content-length: " + length + b"\r\n\r\n" + body)
        await writer.drain()
    writer.close()


def calls(provider: str, base: str) -> list[Callable[[], Awaitable[Any]]]:
    import litellm

    model = MODELS.get(provider, f"{provider}/some-model")
    given: dict[str, Any] = {"api_base": base, **KEYS.get(provider, {"api_key": "sk-none"})}
    return [
        lambda: litellm.acompletion(model=model, messages=MESSAGES, max_retries=0, num_retries=0, **given),
        lambda: litellm.anthropic_messages(model=model, messages=MESSAGES, max_tokens=5, **given),
        lambda: litellm.aresponses(model=model, input="hi", **given),
        lambda: litellm.aembedding(model=model, input="hi", **given),
    ]


async def main(providers: list[str]) -> None:
    found = {}
    for provider in providers:
        came = 0

        async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal came
            came += 1
            await answer(reader, writer)

        foreign.clear()
        async with await asyncio.start_server(counted, "127.0.0.1", 0) as server:
            base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            for call in calls(provider, base):
                with suppress(BaseException):
                    await asyncio.wait_for(call(), 20)
        found[provider] = [came, sorted(foreign)]
    print(json.dumps(found))


if __name__ == "__main__":
    watch_sockets()
    asyncio.run(main(sys.argv[1:]))
