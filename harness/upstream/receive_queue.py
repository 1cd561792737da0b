"""How much of what was sent to a peer on this machine its program has not read yet; Linux tells it (sock_diag(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG, linux/netlink.h
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY, linux/sock_diag.h
_ASK, _ANY_COOKIE = 1, b"\xff" * 8  # NLM_F_REQUEST, INET_DIAG_NOCOOKIE
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_REQUEST = struct.Struct("=BBBBI")  # the head of struct inet_diag_req_v2; the socket's id follows
_ID = struct.Struct(">HH16s16s")  # struct inet_diag_sockid without its interface and cookie
_QUEUE_AT = _HEADER.size + 4 + 48 + 4  # inet_diag_msg: four bytes, the id, the timer, then idiag_rqueue


def unread(here: Sequence[object], peer: Sequence[object]) -> int:
    """Bytes in the queue of the peer's socket. `here` and `peer` are the addresses of the connection, as sockets have
    them. 0 where the kernel does not tell: another system, another machine, a connection that is gone."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(1.0)
            kernel.sendto(_question(here, peer), (0, 0))
            answer = kernel.recv(4096)
    except (OSError, AttributeError, ValueError):
        return 0
    known = len(answer) >= _QUEUE_AT + 4 and _HEADER.unpack_from(answer)[1] == _BY_FAMILY
    return int(struct.unpack_from("=I", answer, _QUEUE_AT)[0]) if known else 0


def _question(here: Sequence[object], peer: Sequence[object]) -> bytes:
    """About the peer's socket: for it, our address is the other one."""
    ours, theirs = _packed(here), _packed(peer)
    name = _ID.pack(theirs[1], ours[1], theirs[0], ours[0]) + struct.pack("=I", 0) + _ANY_COOKIE
    request = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + name
    return _HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _ASK, 0, 0) + request


def _packed(address: Sequence[object]) -> tuple[bytes, int]:
    host, port = address[:2]
    return socket.inet_aton(str(host)), int(str(port))
