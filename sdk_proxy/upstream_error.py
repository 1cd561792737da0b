"""What the upstream itself said when a call failed, and how much of it a client is told.

LiteLLM 1.106.2 wraps the upstream's answer into exceptions of its own, and loses its status (529), its headers and its
body on the way; the chain of the exceptions still has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
from litellm.exceptions import MidStreamFallbackError

OVERLOADED = 529  # Anthropic's own status: no capacity for anybody, as opposed to a limit of this key
_ADVICE = ("retry-after", "retry-after-ms", "x-should-retry")
_PASSING = frozenset({408, 409, 425, 429, 499})  # of the 4xx, those that another try may not meet


def upstream_answer(error: BaseException) -> httpx.Response | None:
    """None where no upstream answered: a request that was refused here, a timeout, a cooldown."""
    found = (cause.response for cause in _one_attempt(error) if isinstance(cause, httpx.HTTPStatusError))
    return next((answer for answer in found if answer.status_code >= 400), None)


def status(error: BaseException, told: int) -> int:
    """The upstream's own; `told`, LiteLLM's, where none answered: of 529 it makes a 500, of Claude's 413 a 400."""
    answer = upstream_answer(error)
    return told if answer is None else answer.status_code


def tells_overload(error: BaseException) -> bool:
    """Whether it is Anthropic's overloaded_error under a 200: LiteLLM keeps only its words, and makes a 500 of it.

    As litellm/litellm_core_utils/exception_mapping_utils.py, _map_anthropic_exception (1.106.2).
    """
    told = message(error)
    return "InternalServerError: AnthropicError - " in told and "verloaded" in told


def message(error: BaseException) -> str:
    """Without the traceback that LiteLLM puts behind some: paths are nobody's business."""
    return str(getattr(error, "message", error)).partition("\nTraceback (most recent call last):")[0]


def anthropic_body(answer: httpx.Response) -> bytes | None:
    """The body as it came, if it is an error in Anthropic's envelope; a web page of some proxy's is none."""
    try:
        tree = json.loads(answer.content)
    except (httpx.StreamError, ValueError, RecursionError):
        return None
    fault = tree.get("error") if isinstance(tree, dict) and tree.get("type") == "error" else None
    return answer.content if isinstance(fault, dict) and {"type", "message"} <= fault.keys() else None


def advice(answer: httpx.Response | None) -> dict[str, str]:
    """When to try again, in the headers that the upstream said it with."""
    headers = answer.headers if answer is not None else {}
    said = {name: headers[name] for name in _ADVICE if name in headers}
    return {name: value for name, value in said.items() if value.isascii() and value.isprintable()}


def own_advice(status: int) -> dict[str, str]:
    """Claude Code repeats a 401 for three minutes, unless somebody tells it not to."""
    permanent = 400 <= status < 500 and status not in _PASSING
    return {"x-should-retry": "false"} if permanent else {}


def _one_attempt(error: BaseException) -> Iterator[BaseException]:
    """The exception and its causes, as far as another attempt: that one ended in an exception of LiteLLM's, too.

    Where all attempts failed, the Router raises the first one's exception again, and the last one's becomes its
    context (router.py, async_function_with_retries, 1.106.2): of the same class, it is the same failure.
    """
    if isinstance(error, MidStreamFallbackError) and error.original_exception is not None:
        error = error.original_exception
    yield error
    cause = error.__cause__ or error.__context__
    if cause is not None and type(cause) is type(error):
        cause = cause.__cause__ or cause.__context__
    while cause is not None and type(cause).__module__ != "litellm.exceptions":
        yield cause
        cause = cause.__cause__ or cause.__context__
