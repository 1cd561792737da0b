import os
import socket
import sys

import pytest

from harness.errors import PortTaken
from harness.replay.ports import free_port, owner_of, require_free


def test_a_free_port_is_free() -> None:
    require_free(free_port())


def test_a_port_that_is_taken_is_named_with_its_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is taken by ") as caught:
            require_free(port)
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in str(caught.value)


def test_the_owner_of_a_port_that_nobody_has_is_not_known() -> None:
    assert owner_of(free_port()) == "another program"
