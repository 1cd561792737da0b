import asyncio
import gc
import resource
import sys
from pathlib import Path
from unittest.mock import Mock, call

import httpx
import pytest

from sdk_proxy.given_back import given_back, malloc_trim
from sdk_proxy.tap import Exchange, Tap
from tests.waiting import until

_PIECE, _PIECES = 60_000, 2000  # bytes, below the size that glibc asks the system for by itself


async def looked_back(answering: set[int]) -> tuple[int, int]:
    """How often, while there was always garbage, memory was given back, and all of the garbage was looked for."""
    trim = Mock()
    full = gc.get_stats()[2]["collections"]
    async with given_back(answering, trim, every=0.001):
        while trim.call_count < 3:
            gc.collect(0)
            await asyncio.sleep(0.002)
    given, found = trim.call_count, gc.get_stats()[2]["collections"] - full
    await asyncio.sleep(0.01)
    assert trim.mock_calls == [call(0)] * given  # and no more of it after the end
    return given, found


async def test_garbage_is_looked_for_when_nobody_waits_for_an_answer() -> None:
    given, found = await looked_back(set())
    assert found >= given


async def test_memory_is_given_back_beside_calls_as_well() -> None:
    given, found = await looked_back({1})
    assert given >= 3
    assert found == 0


async def test_where_nothing_happens_nothing_is_done() -> None:
    trim = Mock()
    gc.disable()
    try:
        async with given_back(set(), trim, every=0.001):
            await until(lambda: trim.call_count > 0)
            await asyncio.sleep(0.05)
    finally:
        gc.enable()
    assert trim.call_count == 1


async def test_a_system_that_has_no_such_call_serves_without_it() -> None:
    full = gc.get_stats()[2]["collections"]
    async with given_back(set(), None, every=0.001):
        gc.collect(0)
        await until(lambda: gc.get_stats()[2]["collections"] > full)


def resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


@pytest.mark.skipif(not sys.platform.startswith("linux") or malloc_trim() is None, reason="glibc's")
def test_what_is_free_between_what_is_in_use_is_the_system_s_again() -> None:
    trim = malloc_trim()
    assert trim is not None
    held = [b"x" * _PIECE for _ in range(_PIECES)]
    kept = [bytearray(each) for each in held[::20]]
    full = resident()
    held.clear()
    trim(0)
    assert resident() < full - _PIECE * _PIECES / 2
    assert len(kept) == _PIECES / 20


def test_what_was_sent_is_let_go_once_its_answer_has_begun() -> None:
    said, request = Exchange(), httpx.Request("POST", "http://a", content=b"a body")
    said.sent.append((httpx.AsyncHTTPTransport(), request))
    said.taps.append(Tap(httpx.ByteStream(b"")))
    said.forget()
    assert (request.content, said.sent, said.taps) == (b"", [], [])
