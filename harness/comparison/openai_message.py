"""The chunks of an OpenAI Chat Completions stream -> the completion that a client puts together from them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from harness.comparison.content import tree_or_text
from harness.model import Json

_WHOLE = frozenset({"id", "type", "role", "name", "index", "finish_reason"})  # sent once, or sent again: not in pieces


def assembled(events: Sequence[tuple[str, Json]]) -> Json:
    """As openai-python's accumulate_delta (lib/streaming/_deltas.py) does it; None without a chunk.

    A tool call's arguments are the tree of their JSON, or their text where the pieces do not make JSON.
    """
    completion: dict[str, Json] | None = None
    choices: dict[int, dict[str, Json]] = {}
    for _, data in events:
        if not isinstance(data, dict) or "error" in data:
            continue
        rest = {key: value for key, value in data.items() if key != "choices"}
        completion = {**rest, **{key: value for key, value in (completion or {}).items() if value is not None}}
        for choice in _objects(data.get("choices")):
            _add(choices, choice)
    if completion is None:
        return None
    return {**completion, "choices": [_finished(choices[index]) for index in sorted(choices)]}


def _add(choices: dict[int, dict[str, Json]], choice: dict[str, Json]) -> None:
    index = choice.get("index")
    if isinstance(index, int):
        known = choices.setdefault(index, {})
        choices[index] = _merged(known, {("message" if k == "delta" else k): v for k, v in choice.items()})


def _merged(before: dict[str, Json], piece: dict[str, Json]) -> dict[str, Json]:
    """Texts are appended, objects merged, lists merged by their elements' `index`; null says nothing."""
    after = dict(before)
    for key, value in piece.items():
        if value is not None or key not in after:
            after[key] = value if key in _WHOLE else _joined(after.get(key), value)
    return after


def _joined(before: Json, piece: Json) -> Json:
    if isinstance(before, str) and isinstance(piece, str):
        return before + piece
    if isinstance(before, dict) and isinstance(piece, dict):
        return dict(_merged(before, piece))
    if isinstance(piece, list):
        return _listed(before if isinstance(before, list) else [], piece)
    return deepcopy(piece)


def _listed(before: list[Json], pieces: list[Json]) -> list[Json]:
    after = list(before)
    for piece in pieces:
        same = next((i for i, item in enumerate(after) if _index(item) == _index(piece) is not None), None)
        if same is None:
            after.append(piece)
        else:
            after[same] = _joined(after[same], piece)
    return after


def _index(value: Json) -> Json:
    return value.get("index") if isinstance(value, dict) else None


def _finished(choice: dict[str, Json]) -> Json:
    message = choice.get("message")
    if not isinstance(message, dict) or not isinstance(message.get("tool_calls"), list):
        return choice
    return {**choice, "message": {**message, "tool_calls": [_call(call) for call in _objects(message["tool_calls"])]}}


def _call(call: dict[str, Json]) -> Json:
    function = call.get("function")
    if not isinstance(function, dict) or not isinstance(arguments := function.get("arguments"), str):
        return call
    return {**call, "function": {**function, "arguments": tree_or_text(arguments)}}


def _objects(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
