"""The SDK proxy with one fault in its fast path: `python -m tests.harness.trials.fast_path.faulty_proxy FAULT ...`

The faults are of the kinds that a template of requests invites: something that is not in the cache key, something in it
that is not told apart, a call that is sent twice.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from sdk_proxy import learnt
from sdk_proxy.__main__ import main


def make_headers_stale() -> None:
    """The cache key has no headers: those of the first call are sent for ever."""
    name_of = learnt._name
    learnt._name = lambda call, request, headers: name_of(call, request, [])


def ignore_shapes() -> None:
    """Any messages are taken for ones that LiteLLM does not change."""
    learnt.shapes_of = lambda *_: frozenset()


def confuse_null_with_infinity() -> None:
    """The cache key is the same where a number is not finite and where it is null."""
    name_of = learnt._name

    def name_with_nulls(call: Any, request: Any, headers: Any) -> bytes:
        kept, call.data = call.data, _with_nulls(call.data)
        try:
            return name_of(call, request, headers)
        finally:
            call.data = kept

    learnt._name = name_with_nulls


def forget_answer_in_hand() -> None:
    """What the upstream has said already is asked for once more."""
    begun = learnt.begun

    async def forgetful(call: Any, lesson: Any, page: Any, said: Any) -> Any:
        result = await begun(call, lesson, page, said)
        said.in_hand = None
        return result

    learnt.begun = forgetful


def _with_nulls(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _with_nulls(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [*map(_with_nulls, tree)]
    return None if isinstance(tree, float) and tree - tree != 0 else tree


FAULTS: dict[str, Callable[[], None]] = {
    "stale-headers": make_headers_stale,
    "shapes-ignored": ignore_shapes,
    "null-is-infinity": confuse_null_with_infinity,
    "asked-twice": forget_answer_in_hand,
}


if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    main()
