"""python -m tests.sdk_proxy.first_calls    prints what the first calls of a warm process still import, as JSON"""

import asyncio
import json
import sys

import httpx

from harness.upstream.paced import Pace, PacedUpstream
from sdk_proxy.config_parser import parse
from sdk_proxy.litellm_proxy_sdk import assemble
from sdk_proxy.operation import Operation
from sdk_proxy.schema import load_config
from tests.sdk_proxy.loopback import served
from tests.sdk_proxy.sdk import CONFIG, KEY, environment, message


async def imported() -> list[str]:
    """By a call of each protocol, streamed and whole."""
    async with PacedUpstream(pace=Pace(0, 0, 4)) as upstream:
        variables = environment(upstream.url)
        app = assemble(parse(load_config(CONFIG, variables), variables), Operation(warm_up=True))
        async with served(app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", timeout=30) as client:
            key = {"authorization": f"Bearer {KEY}"}
            await client.get("/models", headers=key)
            before = {*sys.modules}
            for path, model in (("/messages", "claude-sonnet-5"), ("/chat/completions", "gpt-5")):
                for stream in (True, False):
                    answer = await client.post(path, headers=key, json=message(model, stream=stream))
                    assert answer.status_code == 200, answer.text
            return sorted({*sys.modules} - before)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(imported())))
