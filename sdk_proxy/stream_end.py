"""Whether a stream came to its own end: one that was truncated has to look like it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litellm.anthropic_interface.exceptions import anthropic_error_sse_frame
from litellm.exceptions import APIConnectionError
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper

TRUNCATED = "The upstream's stream ended before its answer was complete."
_LAST = re.compile(rb'[\r\n](?:event: ?(?:message_stop|error)[\r\n]|data: ?\{ ?"type": ?"(?:message_stop|error)")')
_LONGEST = 64  # bytes of what _LAST finds, and more
_BLANK_LINES = (b"\n\n", b"\r\r", b"\r\n\r\n")  # what an event ends with: WHATWG HTML, section 9.2.6


class MessageEnd:
    """Reads a stream of Anthropic's protocol, in whatever pieces it comes, for its last event."""

    def __init__(self) -> None:
        self._seen = False
        self._tail = b"\n\n"

    def read(self, chunk: Any) -> None:
        if isinstance(chunk, dict):
            self._seen = self._seen or chunk.get("type") in ("message_stop", "error")
            return
        data = self._tail + (chunk.encode() if isinstance(chunk, str) else chunk)
        self._seen = self._seen or _LAST.search(data) is not None
        self._tail = data[-_LONGEST:]

    def missing(self) -> Iterator[str]:
        """What has to follow the stream: nothing, or an error event of its own."""
        if not self._seen:
            if not self._tail.endswith(_BLANK_LINES):
                yield "\n\n"
            yield anthropic_error_sse_frame(status_code=502, raw_message=TRUNCATED)


@contextmanager
def no_invented_end() -> Iterator[None]:
    """Within the block a chat stream without a finish_reason fails as one that was cut.

    LiteLLM makes up `stop` for it, in one place: CustomStreamWrapper.finish_reason_handler (1.106.2).
    """
    before = CustomStreamWrapper.finish_reason_handler

    def finish_reason_handler(stream: Any) -> Any:
        if stream.received_finish_reason is None and stream.intermittent_finish_reason is None:
            stream._log_stream_failure_and_raise(
                APIConnectionError(message=TRUNCATED, llm_provider=stream.custom_llm_provider or "", model=stream.model)
            )
        return before(stream)

    CustomStreamWrapper.finish_reason_handler = finish_reason_handler
    try:
        yield
    finally:
        CustomStreamWrapper.finish_reason_handler = before
