"""How much Python the pure paths are: bytecode instructions, which no clock, core or other program changes.

python -m tests.sdk_proxy.work    measures, and writes what tests/sdk_proxy/test_work.py allows: work.json beside it
(with LITELLM_LOCAL_MODEL_COST_MAP=True it asks nobody for prices)

What C does (orjson, regular expressions, copies of bytes) is not seen; whoever adds it adds Python around it as well.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import orjson
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.proxy.anthropic_endpoints.streaming_model_restamp import AnthropicStreamModelRestamper

from sdk_proxy.call import Call
from sdk_proxy.learnt import KEYS, Headers, Lesson, Page, shapes_of
from sdk_proxy.same_format import ChatEvents, Plain
from sdk_proxy.stream_end import MessageEnd
from sdk_proxy.tap import Tap
from sdk_proxy.translated import PROVIDERS, _Form
from sdk_proxy.whole import Form

BUDGET = Path(__file__).with_name("work.json")
# Another version of Python has other instructions: twice the work is still too much there.
_SAME, _OTHER = 1.15, 1.7
_FEW, _MANY = 20, 60  # what is added between them is the work of each


def instructions(work: Callable[[], object]) -> int:
    """All of it, whosever code it is: the same number every time, once what is made once is made."""
    count = 0

    def each(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return each

    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()  # who is told of a collection runs Python of its own: Hypothesis does
    sys.settrace(each)
    try:
        work()
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return count


def each(path: Callable[[int], Callable[[], object]]) -> float:
    """What one more of them costs."""
    few, many = path(_FEW), path(_MANY)
    few(), many()
    return (instructions(path(_MANY)) - instructions(path(_FEW))) / (_MANY - _FEW)


def measured() -> dict[str, float]:
    return {name: round(each(path), 1) for name, path in PATHS.items()}


def over(found: Mapping[str, float]) -> list[str]:
    """Which are more than is allowed, in words; also what nobody measures any more."""
    budget = json.loads(BUDGET.read_text(encoding="utf-8"))
    factor = _SAME if budget["python"] == _version() else _OTHER
    allowed = budget["instructions"]
    much = [f"{n}: {found[n]:.0f}, allowed {allowed[n] * factor:.0f}" for n in found if found[n] > allowed[n] * factor]
    return [*much, *(f"{name}: nobody measures it" for name in allowed.keys() - found.keys())]


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


# --- the paths -------------------------------------------------------------------------------------------------------

_HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "gpt-4.1-2025"}


def _chunk(delta: dict[str, Any], end: str | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}]
    said = {**_HEAD, "system_fingerprint": "fp_1", "choices": choices, **more}
    return b"data: %b\n\n" % orjson.dumps(said)


def _block(number: int) -> bytes:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"word {number} "}}
    return f"event: content_block_delta\ndata: {json.dumps(delta)}\n\n".encode()


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def _run(work: Coroutine[Any, Any, object]) -> None:
    """Nothing here waits for anything: no event loop is needed, and none is counted."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def _obfuscated(events: int) -> Callable[[], None]:
    """Each event has something else beside its words, as OpenAI's have."""
    return _told([_chunk({"content": f"word {number} "}, obfuscation=f"x{number}") for number in range(events)])


def _formless(events: int) -> Callable[[], None]:
    """None has the form of the last."""
    return _told([_chunk({"content": f"word {number} "}, other=f"x{number}") for number in range(events)])


def _chat(events: int) -> Callable[[], None]:
    return _told([_chunk({"content": f"word {number} "}) for number in range(events)])


def _told(words: list[bytes]) -> Callable[[], None]:
    start, end = _chunk({"role": "assistant", "content": "", "refusal": None}), _chunk({}, "stop")

    async def read() -> None:
        said = ChatEvents("gpt-4.1", tells_usage=False)
        told = [event async for event in said.of(Tap(_Pieces(start, *words, end, b"data: [DONE]\n\n")))]
        assert len(told) == len(words) + 2

    return lambda: _run(read())


def _messages(events: int) -> Callable[[], None]:
    start = b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-1","usage":{}}}\n\n'
    end = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    async def read() -> None:
        restamper, last = AnthropicStreamModelRestamper("claude"), MessageEnd()
        plain = Plain.of_messages(Tap(_Pieces(start, *map(_block, range(events)), end)), "id", committed=True)
        async for piece in plain.events:
            last.read(piece)
            restamper.process(piece)
        assert not [*last.missing()]

    return lambda: _run(read())


def _words(words: int) -> Callable[[], None]:
    lines = [_block(number).splitlines(keepends=True)[1] for number in range(words + 2)]
    start = b'data: {"type":"message_start","message":{"model":"claude-1","usage":{"output_tokens":1}}}\n'

    def tell() -> None:
        form = _Form(PROVIDERS["anthropic"])
        assert form.filled(start) is None and form.due() == start
        for number, line in enumerate(lines[:2]):  # LiteLLM's
            assert form.filled(line) is None and form.due() == line
            form.shows(b'data: {"content":"word %d "}' % number)
        assert all(form.filled(line) for line in lines[2:])

    return tell


def _turn(number: int) -> list[dict[str, Any]]:
    used = {"type": "tool_use", "id": f"toolu_{number}", "name": "tool_1", "input": {"path": "/a", "line": number}}
    result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": "a result " * 300}
    return [{"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]


def _shapes(turns: int) -> Callable[[], object]:
    messages = [message for number in range(turns) for message in _turn(number)]
    return lambda: shapes_of(messages, KEYS["anthropic_messages"])


def _lesson(request: Headers, answer: Headers) -> Lesson:
    named: dict[str, Any] = {
        "before": b"{",
        "after": b"}",
        "blanks": False,
        "answer": answer,
        "form": None,
        "deployment": "id",
        "commits": True,
        "tells_usage": False,
    }
    return Lesson(httpx.AsyncHTTPTransport(), httpx.URL("http://a"), request, (), **named)


def _request(headers: int) -> Callable[[], object]:
    told = ((b"content-length", b"0"), *((b"x-%d" % number, b"a") for number in range(headers)))
    lesson = _lesson(told, ())
    page = Page(b"", [], b"[]", frozenset())
    return lambda: lesson.request(page)


def _answer(headers: int) -> Callable[[], object]:
    upstream = httpx.Headers({f"x-{number}": "a" for number in range(headers)})
    lesson = _lesson((), ((b"", b""),))
    return lambda: lesson.answer_headers(upstream, 0.1, 0.05)


def _whole(answers: int) -> Callable[[], object]:
    said: dict[str, Any] = {"role": "assistant", "content": "a word", "refusal": None, "annotations": []}
    choices = [{"index": 0, "message": said, "logprobs": None, "finish_reason": "stop"}]
    usage = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
    tree = {
        **_HEAD,
        "object": "chat.completion",
        "model": "gpt-4.1-2025-04-14",
        "choices": choices,
        "usage": usage,
        "service_tier": "default",
    }
    upstream = httpx.Response(200, json=tree)
    form = Form(Call("acompletion", {}, "gpt-4.1", _logging()), {"litellm_model_name": "openai/gpt-4.1", **_HIDDEN})
    return lambda: [form.told(upstream, 0, 0) for _ in range(answers)]


_HIDDEN = {"model_id": "id", "custom_llm_provider": "openai", "additional_headers": {}}


def _logging() -> Logging:
    times_and_ids: dict[str, Any] = {"start_time": datetime.now(), "litellm_call_id": "id", "function_id": "id"}
    found = Logging("gpt-4.1", [], stream=False, call_type="acompletion", **times_and_ids)
    found.litellm_params, found.optional_params = {}, {}
    found.model_call_details = {"custom_llm_provider": "openai", "litellm_params": {}}
    return found


PATHS: Mapping[str, Callable[[int], Callable[[], object]]] = {
    "an event of a chat, from the upstream's to the client's": _chat,
    "the same, obfuscated": _obfuscated,
    "the same, where it has not the form of the last": _formless,
    "an event of Anthropic's, from the upstream's to the client's": _messages,
    "a word of a translated chat": _words,
    "the shape of a call of a tool and its result": _shapes,
    "a header of a learnt request": _request,
    "a header of the upstream's in a learnt answer": _answer,
    "a whole chat, LiteLLM's own functions among it": _whole,
}


def main() -> None:
    tree = {"renew": "python -m tests.sdk_proxy.work", "python": _version(), "instructions": measured()}
    BUDGET.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
    print(BUDGET.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
