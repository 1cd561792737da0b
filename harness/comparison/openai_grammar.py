"""The order of chunks in an OpenAI Chat Completions stream, as an automaton per choice.

Source: OpenAI's API reference, "The chat completion chunk object", and what its clients read: one id for all chunks,
the role first, one finish_reason per choice and no content after it, `[DONE]` last. An error ends a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.model import Json

_FRESH, _OPEN, _FINISHED = "fresh", "open", "finished"

# What a chunk does to a choice -> the choice's next state; what is not here is a violation.
_NEXT = {
    (_FRESH, "role"): _OPEN,
    (_OPEN, "role"): _OPEN,
    (_OPEN, "content"): _OPEN,
    (_OPEN, "finish"): _FINISHED,
}
_SAYS = {"role": "the role", "content": "content", "finish": "a finish_reason"}
_CONSTANT = ("id", "object", "model")


@dataclass(slots=True)
class _Stream:
    """What is known so far."""

    over: str | None = None  # what ended it
    first: dict[str, Json] | None = None  # chunk
    choices: dict[int, str] = field(default_factory=dict)  # index -> state
    tools: set[tuple[int, int]] = field(default_factory=set)  # choice and index of each tool call that has begun


def violations(events: Sequence[tuple[str, Json]]) -> Iterator[str]:
    """Each names the event by its number."""
    stream = _Stream()
    for number, (name, data) in enumerate(events):
        yield from (f"event {number}: {wrong}" for wrong in _event(stream, name, data))


def _event(stream: _Stream, name: str, data: Json) -> Iterator[str]:
    if stream.over is not None:
        yield f"something after {stream.over}"
    if name not in ("", "message", "error"):
        yield f"is called {name}: these streams have no event names"
    if data == "[DONE]":
        stream.over = "[DONE]"
        yield from (f"[DONE] while choice {i} has no finish_reason" for i, s in stream.choices.items() if s == _OPEN)
    elif not isinstance(data, dict):
        yield "its data is not a JSON object"
    elif "error" in data:
        stream.over = "an error"
    else:
        yield from _constant(stream, data)
        for choice in _objects(data.get("choices")):
            yield from _choice(stream, choice)


def _constant(stream: _Stream, chunk: dict[str, Json]) -> Iterator[str]:
    stream.first = stream.first or chunk
    for key in _CONSTANT:
        if chunk.get(key) != stream.first.get(key):
            yield f"another {key} than in the first chunk"


def _choice(stream: _Stream, choice: dict[str, Json]) -> Iterator[str]:
    index = choice.get("index")
    if not isinstance(index, int):
        yield "a choice without an index"
        return
    delta = choice.get("delta")
    for symbol in _symbols(delta if isinstance(delta, dict) else {}, choice):
        state = stream.choices.get(index, _FRESH)
        if (state, symbol) not in _NEXT:
            yield f"{_SAYS[symbol]} for choice {index}, which is {state}"
        stream.choices[index] = _NEXT.get((state, symbol), _OPEN if state == _FRESH else state)
    if isinstance(delta, dict):
        yield from _tools(stream, index, delta)


def _symbols(delta: dict[str, Json], choice: dict[str, Json]) -> Iterator[str]:
    """An empty delta says nothing: LiteLLM's usage chunk has one, after the finish_reason."""
    if delta.get("role") is not None:
        yield "role"
    if any(value not in (None, "", [], {}) for key, value in delta.items() if key != "role"):
        yield "content"
    if choice.get("finish_reason") is not None:
        yield "finish"


def _tools(stream: _Stream, choice: int, delta: dict[str, Json]) -> Iterator[str]:
    """The first piece of a tool call carries its id and name; only the index ties the others to it."""
    for call in _objects(delta.get("tool_calls")):
        index = call.get("index")
        if not isinstance(index, int):
            yield f"a tool call of choice {choice} without an index"
        elif (choice, index) not in stream.tools:
            stream.tools.add((choice, index))
            function = call.get("function")
            if not call.get("id") or not isinstance(function, dict) or not function.get("name"):
                yield f"tool call {index} of choice {choice} begins without its id and name"


def _objects(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
