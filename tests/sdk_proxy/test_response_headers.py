import json

from harness.model import Reply
from harness.upstream.app import SimulatedUpstream
from tests.sdk_proxy.sdk import client_of, message

USAGE = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 60,
    "candidatesTokenCount": 3,
    "thoughtsTokenCount": 7,
    "totalTokenCount": 110,
}
ANSWER = {
    "candidates": [{"content": {"parts": [{"text": "The puffin."}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": USAGE,
    "modelVersion": "gemini-2.5-pro",
    "responseId": "abc123",
}


async def test_what_gemini_thought_has_its_price_in_the_headers_of_a_message_too() -> None:
    """No scenario: LiteLLM's own server tells it or not, as its logging worker is in time, or is not (1.106.2)."""
    reply = Reply(200, (("content-type", "application/json"),), json.dumps(ANSWER).encode())
    async with SimulatedUpstream(improvise=lambda _: reply, gap=0) as upstream, client_of(upstream) as client:
        for _ in range(3):
            answer = await client.post("/v1/messages", json=message("gemini-2.5-pro"))
            assert answer.status_code == 200
            assert float(answer.headers["x-litellm-response-cost-reasoning"]) > 0
