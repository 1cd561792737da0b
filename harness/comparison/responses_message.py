"""The events of an OpenAI Responses stream -> the response that a client puts together from them."""

from __future__ import annotations

from collections.abc import Sequence

from harness.comparison.content import tree_or_text
from harness.model import Json

# An event's type without what it does -> the kind of text that its deltas make.
_TEXTS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.function_call_arguments.delta": "arguments",
    "response.reasoning_summary_text.delta": "summary",
    "response.reasoning_text.delta": "reasoning",
}


def assembled(events: Sequence[tuple[str, Json]]) -> Json:
    """The last state of the response that an event told, and under `streamed` what the deltas add up to by output: a
    client reads the one or the other. None without a response."""
    response: Json = None
    texts: dict[tuple[int, str], str] = {}
    for _, data in events:
        if not isinstance(data, dict):
            continue
        response = data.get("response", response)
        kind, index, delta = _TEXTS.get(str(data.get("type"))), data.get("output_index"), data.get("delta")
        if kind is not None and isinstance(index, int):
            texts[index, kind] = texts.get((index, kind), "") + str(delta)
    if not isinstance(response, dict):
        return None
    streamed: list[Json] = [
        {"output": index, kind: tree_or_text(text)} for (index, kind), text in sorted(texts.items())
    ]
    return {**response, "streamed": streamed}
