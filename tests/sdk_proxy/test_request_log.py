import asyncio
import json
import logging
import sys
from typing import Any

import pytest

from harness.model import Reply, Request
from harness.upstream.app import SimulatedUpstream
from sdk_proxy.request_log import Wordless
from tests.sdk_proxy.sdk import chat, message
from tests.sdk_proxy.test_operation import CANARY, running

USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
SAID = {"role": "assistant", "content": CANARY}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1",
    "choices": [{"index": 0, "message": SAID, "finish_reason": "stop"}],
    "usage": USAGE,
}
ODD: list[dict[str, Any]] = [
    {**COMPLETION, "created": CANARY},
    {**COMPLETION, "choices": CANARY},
    {**COMPLETION, "choices": [CANARY]},
    {**COMPLETION, "usage": CANARY},
    {**COMPLETION, "usage": {**USAGE, "total_tokens": {"text": CANARY}}},
    {**COMPLETION, "choices": [{"index": CANARY, "message": {**SAID, "tool_calls": CANARY}, "finish_reason": CANARY}]},
    {"error": CANARY},
]


async def test_nothing_of_an_answer_of_unexpected_types_reaches_the_log() -> None:
    """Whole and streamed, on both routes: LiteLLM's objects and pydantic's warnings repeat what they do not expect."""
    asked: list[Request] = []

    def odd(request: Request) -> Reply:
        asked.append(request)
        tree = ODD[len(asked) % len(ODD)]
        if json.loads(request.body).get("stream"):
            return Reply(200, (("content-type", "text/event-stream"),), f"data: {json.dumps(tree)}\n\n".encode())
        return Reply(200, (("content-type", "application/json"),), json.dumps(tree).encode())

    async with SimulatedUpstream(improvise=odd, gap=0) as upstream:
        told = await asyncio.to_thread(_all_odd_answers, upstream.url)
    assert len(asked) >= 4 * len(ODD)
    assert '"route": "/chat/completions"' in told
    assert CANARY not in told


def _all_odd_answers(upstream: str) -> str:
    with running(upstream) as (process, client):
        for _ in ODD:
            for stream in (False, True):
                client.post("/v1/chat/completions", json=chat("gpt-4.1", stream))
                client.post("/v1/messages", json=message("claude-sonnet-5", stream))
        process.terminate()
        said: str = process.communicate(timeout=30)[0]
    return said


@pytest.mark.parametrize("words", [CANARY, f"one line\n{CANARY}"])
def test_of_an_exception_the_log_tells_its_type_and_its_place(words: str) -> None:
    try:
        int(words)
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord("asyncio", logging.ERROR, "", 1, f"never retrieved\n{CANARY}", (), error)
    told = Wordless().format(record).splitlines()
    assert (told[0], told[-1].strip(), len(told)) == ("never retrieved", "ValueError", 3)
    assert "test_request_log.py" in told[1] and CANARY not in "".join(told)
