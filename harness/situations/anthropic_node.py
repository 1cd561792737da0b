"""anthropic-node goes through what anthropic-python does, where both have it. Nothing of it is recorded: the wire is
the same."""

from __future__ import annotations

from dataclasses import replace

from harness.situations.anthropic_python import ANTHROPIC_PYTHON

_NAMES = (
    *("message-streamed", "message-streamed-by-the-helper", "conversation", "cache-control", "image-and-document"),
    *("thinking-streamed", "thinking-and-tool-loop-streamed", "redacted-thinking-streamed", "tool-loop"),
    *("tools-in-parallel-streamed", "tool-that-must-be-called", "betas", "stop-sequence-streamed", "refusal"),
    *("gpt", "gpt-tool-loop-streamed", "gemini-streamed", "count-tokens", "with-memory"),
    *("bad-request-streamed", "prompt-too-long", "upstream-403", "upstream-529-streamed", "error-in-mid-stream"),
)
ANTHROPIC_NODE = tuple(
    replace(situation, id=f"anthropic-node/{name}")
    for situation in ANTHROPIC_PYTHON
    if (name := situation.id.partition("/")[2]) in _NAMES
)
