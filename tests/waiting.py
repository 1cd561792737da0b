"""Wait for conditions, never for a time: however busy the machine is, only a test that waits in vain fails."""

import asyncio
import time
from collections.abc import Awaitable, Callable

# Seconds. What a test waits for takes milliseconds on an idle machine; this only ends a test that would hang.
PATIENCE = 300.0
FOREVER = 2 * PATIENCE  # seconds that an upstream holds what is not to come within the test
_PAUSE = 0.005  # seconds between two looks; it grows to a tenth of a second, which leaves the processors to the others
_LONGEST_PAUSE = 0.1


async def until(holds: Callable[[], object]) -> None:
    """Return once `holds` is true. Raises TimeoutError after PATIENCE."""
    pause = _PAUSE
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, _LONGEST_PAUSE)


async def until_async(holds: Callable[[], Awaitable[object]]) -> None:
    """Return once what `holds` gives is true. Raises TimeoutError after PATIENCE."""
    pause = _PAUSE
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, _LONGEST_PAUSE)


def wait_until(holds: Callable[[], object]) -> None:
    """Return once `holds` is true, without an event loop. Raises TimeoutError after PATIENCE."""
    deadline, pause = time.monotonic() + PATIENCE, _PAUSE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:g} s")
        time.sleep(pause)
        pause = min(pause * 1.2, _LONGEST_PAUSE)
