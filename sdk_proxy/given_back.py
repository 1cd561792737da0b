"""Memory that a burst needed, given back to the system: glibc keeps what is free between what is in use.

After 100 calls of 78 kB at once that is 35 MB; giving it back takes 5 ms. LiteLLM's own calls leave garbage, too, which
Python looks for when there is much of it: that takes 20 to 70 ms, and is done when nobody waits for an answer.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import AsyncIterator, Callable, Sized
from contextlib import asynccontextmanager

Trim = Callable[[int], int]
_EVERY = 5.0  # seconds


def malloc_trim() -> Trim | None:
    """glibc's, malloc_trim(3). None: the system's C library has none, or gives back by itself."""
    found: Trim | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


@asynccontextmanager
async def given_back(answering: Sized, trim: Trim | None, every: float = _EVERY) -> AsyncIterator[None]:
    """Within the block, again and again. `answering`: the requests that are being answered."""
    giving = asyncio.create_task(_again_and_again(answering, trim or (lambda _: 0), every))
    try:
        yield
    finally:
        giving.cancel()


async def _again_and_again(answering: Sized, trim: Trim, every: float) -> None:
    seen = 0
    while True:
        await asyncio.sleep(every)
        if seen == (seen := _rounds()):
            continue  # hardly anything has happened
        if not answering:
            gc.collect()
            seen = _rounds()
        trim(0)  # all that can be


def _rounds() -> int:
    """How often Python has looked for garbage."""
    return sum(each["collections"] for each in gc.get_stats())
