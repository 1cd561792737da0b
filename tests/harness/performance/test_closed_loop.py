import asyncio

import pytest

from harness.errors import TargetFailed
from harness.model import Reply
from harness.performance.bench import CASES, Case, call
from harness.performance.closed_loop import closed_loop
from harness.replay.ports import free_port
from harness.upstream.paced import Pace, PacedUpstream
from tests.harness.wire import read_head, server

NOW = Pace(0, 0, 3)


@pytest.mark.parametrize("case", [case for case in CASES if case.kilobytes == 1], ids=lambda case: case.name)
async def test_every_connection_asks_again_until_the_time_is_over(case: Case) -> None:
    """So in the end each has asked more than once, however long a busy machine takes for the first time."""
    for seconds in (0.2, 2.0, 20.0):
        async with PacedUpstream(pace=NOW) as upstream:
            found = await closed_loop(upstream.url, "key", call(case), 4, seconds)
            assert {each.failure for each in found} == {None}
            assert len(found) == upstream.counts.complete
        if len(found) > 4:
            break
    else:
        pytest.fail("no connection asked again")
    assert all(each.ttft is not None and each.ttft <= each.total for each in found)


async def test_the_path_of_the_url_goes_before_the_calls_own() -> None:
    heads = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 503 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    async with server(talk) as url:
        await closed_loop(f"{url}/litellm", "key", call(CASES[0]), 1, 0.02)
    assert heads[0].startswith(f"POST /litellm{call(CASES[0]).path} HTTP/1.1\r\n".encode())


async def test_an_answer_that_is_wrong_says_why() -> None:
    async with PacedUpstream(pace=NOW, policy=lambda _: Reply(503, body=b"no")) as upstream:
        found = await closed_loop(upstream.url, "key", call(CASES[0]), 1, 1.0)
    assert found and all(each.failure == "HTTP 503: no" for each in found)


async def test_where_nobody_listens_there_is_one_sentence() -> None:
    with pytest.raises(TargetFailed, match="nobody listens"):
        await closed_loop(f"http://127.0.0.1:{free_port()}", "key", call(CASES[0]), 1, 0.05)
