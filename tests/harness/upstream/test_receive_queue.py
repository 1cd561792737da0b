import asyncio
import socket
import sys

import pytest

from harness.upstream.receive_queue import unread
from tests.waiting import PATIENCE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
async def test_it_is_what_the_peer_has_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as peer:
        mine, _ = server.accept()
        with mine:
            ends = (mine.getsockname(), mine.getpeername())
            assert unread(*ends) == 0
            mine.sendall(b"x" * 100)
            async with asyncio.timeout(PATIENCE):
                while unread(*ends) != 100:
                    await asyncio.sleep(0.001)
            peer.recv(60)
            assert unread(*ends) == 40


@pytest.mark.parametrize("peer", [("127.0.0.1", 1), ("::1", 80, 0, 0), "a path"])
def test_what_nobody_knows_is_nothing(peer: tuple[object, ...]) -> None:
    assert unread(("127.0.0.1", 2), peer) == 0
