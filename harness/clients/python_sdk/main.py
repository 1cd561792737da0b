"""One situation a run: `main.py <openai|anthropic> <calls as JSON>`; where and with which key the environment tells.

The calls are what `harness/situations/sdk_calls.py` writes; `openai_node/main.mjs` reads the same.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import reduce
from typing import Any

CLIENTS = {"openai": "OpenAI", "anthropic": "Anthropic"}


async def main(sdk: str, situation: dict[str, Any]) -> None:
    client = _client(sdk, situation.get("client", {}))
    if situation.get("at_once"):
        await asyncio.gather(*(play(client, call) for call in situation["calls"]))
        return
    for call in situation["calls"]:
        await play(client, call)


def _client(sdk: str, options: dict[str, Any]) -> Any:
    name = f"Async{CLIENTS[sdk]}" if options.get("async") else CLIENTS[sdk]
    names = {"retries": "max_retries", "timeout": "timeout", "headers": "default_headers"}
    given = {names[key]: value for key, value in options.items() if key in names}
    return getattr(importlib.import_module(sdk), name)(**given)


async def play(client: Any, call: dict[str, Any]) -> None:
    """The call, and as long as its answer asks for tools another one with their results."""
    arguments: dict[str, Any] | None = call["with"]
    while arguments is not None:
        final = await _answer(client, {**call, "with": arguments})
        arguments = _continued(arguments, final, call.get("results"))


async def _answer(client: Any, call: dict[str, Any]) -> Any:
    """The whole answer where there is one: a client that leaves, or counts the pieces itself, has none."""
    method = reduce(getattr, call["call"].split("."), client)
    answer = await _settled(method(**call["with"]))
    async with AsyncExitStack() as stack:
        if hasattr(answer, "__aenter__"):
            answer = await stack.enter_async_context(answer)
        elif hasattr(answer, "__enter__"):
            answer = stack.enter_context(answer)
        number = 0
        async for piece in _pieces(answer):
            print(piece)
            number += 1
            if number == call.get("leave_after"):
                return None
        names = ("get_final_completion", "get_final_message", "get_final_response")
        final = next((getattr(answer, name) for name in names if hasattr(answer, name)), lambda: answer)
        return await _settled(final())


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def _pieces(answer: Any) -> AsyncIterator[Any]:
    if hasattr(answer, "__aiter__"):
        async for piece in answer:
            yield piece
    elif hasattr(answer, "__iter__"):
        for piece in answer:
            yield piece


def _continued(arguments: dict[str, Any], final: Any, results: dict[str, str] | None) -> dict[str, Any] | None:
    """The conversation with the answer and the results of its tools at its end, None where it asked for none."""
    if results is None or final is None:
        return None
    if hasattr(final, "choices"):
        message = final.choices[0].message
        said = [
            {"role": "tool", "tool_call_id": one.id, "content": results[one.function.name]}
            for one in message.tool_calls or ()
        ]
        return {**arguments, "messages": [*arguments["messages"], message, *said]} if said else None
    if hasattr(final, "output"):
        said = [
            {"type": "function_call_output", "call_id": one.call_id, "output": results[one.name]}
            for one in final.output
            if one.type == "function_call"
        ]
        return {**arguments, "input": [*arguments["input"], *final.output, *said]} if said else None
    said = [
        {"type": "tool_result", "tool_use_id": one.id, "content": results[one.name]}
        for one in final.content
        if one.type == "tool_use"
    ]
    turns = [{"role": "assistant", "content": final.content}, {"role": "user", "content": said}]
    return {**arguments, "messages": [*arguments["messages"], *turns]} if said else None


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the client did
        sys.exit(f"{type(error).__name__}: {error}")
