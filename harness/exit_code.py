"""How a command ends: with its own exit code, with 2 and one sentence, or with 130 after Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from rich.console import Console

from harness.errors import HarnessError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def run_to_its_exit_code(console: Console, work: Callable[[], Coroutine[Any, Any, int]]) -> NoReturn:
    """Run it; the process ends with its exit code, with 2 and one sentence, or with 130 after Ctrl-C."""
    try:
        code = asyncio.run(_until_told_to_stop(work()))
    except HarnessError as error:
        console.print(f"error: {error}", style="bold red", markup=False, highlight=False, soft_wrap=True)
        code = 2
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        place = f"{error.filename}: " if error.filename else ""
        told = f"error: {place}cannot be written: {error.strerror}"
        console.print(told, style="bold red", markup=False, highlight=False, soft_wrap=True)
        code = 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted: everything that was started has been stopped, no report was written")
        code = INTERRUPTED
    sys.exit(code)


async def _until_told_to_stop(work: Coroutine[Any, Any, int]) -> int:
    """SIGTERM and SIGHUP end the work as Ctrl-C does: what was started is stopped."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    return await task
