import socket

import pytest

from sdk_proxy.serving import refuse_taken_port


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is not free: stop what listens there"):
            refuse_taken_port("127.0.0.1", port)


def test_a_free_port_stays_free():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    refuse_taken_port("127.0.0.1", port)
    socket.create_server(("127.0.0.1", port)).close()


def test_an_address_that_is_not_ours_is_named():
    with pytest.raises(OSError, match=r"port 1 on 192\.0\.2\.1 cannot be listened on \(.*\).* --host"):
        refuse_taken_port("192.0.2.1", 1)
