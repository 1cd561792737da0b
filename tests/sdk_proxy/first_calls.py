"""python -m tests.sdk_proxy.first_calls    prints what the first calls of a process still import, as JSON"""

import asyncio
import json
import os
import sys
from itertools import product

import httpx

from harness.upstream.paced import Pace, PacedUpstream
from sdk_proxy.operation import Operation
from sdk_proxy.running import _app
from sdk_proxy.schema import load_config
from tests.sdk_proxy.loopback import served
from tests.sdk_proxy.sdk import CONFIG, KEY, environment, message
from tests.waiting import PATIENCE

MODELS = ("claude-sonnet-5", "gpt-5", "gemini-2.5-pro")
_FUNCTION = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}
TOOLS = {
    "/messages": {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}},
    "/chat/completions": {"type": "function", "function": _FUNCTION},
}


async def imported() -> list[str]:
    """By calls of each protocol to each provider, streamed and whole."""
    async with PacedUpstream(pace=Pace(0, 0, 4)) as upstream:
        os.environ.update(environment(upstream.url))
        app = _app(load_config(CONFIG, os.environ), Operation())
        async with (
            served(app) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", timeout=PATIENCE) as client,
        ):
            key = {"authorization": f"Bearer {KEY}"}
            await client.get("/models", headers=key)
            before = {*sys.modules}
            for (path, tool), model, stream in product(TOOLS.items(), MODELS, (True, False)):
                answer = await client.post(path, headers=key, json=message(model, stream, tools=[tool]))
                assert answer.status_code == 200, answer.text
            return sorted({*sys.modules} - before)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(imported())))
