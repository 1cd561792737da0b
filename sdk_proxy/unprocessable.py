"""What OpenAI cannot process stays refused.

To a 422 LiteLLM 1.106.2 leaves out the parameters that it names, and asks once more, if `drop_params` is on
(llms/openai/openai.py, acompletion and async_streaming). Of a second 422 it makes no answer at all: the client reads
`null` under 200, or, in the place of a stream, a 500 about a NoneType.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from litellm.llms.openai import openai as openai_calls
from litellm.llms.openai.openai import OpenAIChatCompletion

_refusals: ContextVar[list[Exception] | None] = ContextVar("_refusals", default=None)


@contextmanager
def refused_twice_is_refused() -> Iterator[None]:
    """Within the block the second refusal is raised, where LiteLLM would return None."""
    left_out = openai_calls.drop_params_from_unprocessable_entity_error
    whole, streamed = OpenAIChatCompletion.acompletion, OpenAIChatCompletion.async_streaming

    def remembering(e: Exception, data: Any) -> Any:  # by its name, as LiteLLM's
        refusals = _refusals.get()
        if refusals is not None:
            refusals.append(e)
        return left_out(e, data)

    openai_calls.drop_params_from_unprocessable_entity_error = remembering
    OpenAIChatCompletion.acompletion, OpenAIChatCompletion.async_streaming = _raising(whole), _raising(streamed)
    try:
        yield
    finally:
        openai_calls.drop_params_from_unprocessable_entity_error = left_out
        OpenAIChatCompletion.acompletion, OpenAIChatCompletion.async_streaming = whole, streamed


def _raising(call: Callable[..., Any]) -> Callable[..., Any]:
    async def answered(*args: Any, **named: Any) -> Any:
        refusals: list[Exception] = []
        before = _refusals.set(refusals)
        try:
            answer = await call(*args, **named)
        finally:
            _refusals.reset(before)
        if answer is None and refusals:
            raise refusals[-1]
        return answer

    return answered
