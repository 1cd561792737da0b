"""A network namespace that has only loopback: from then on neither this process nor what it starts can reach a network.

Linux alone has it (namespaces(7), network_namespaces(7), user_namespaces(7)); no other program is needed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # sched.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # bits/ioctls.h, net/if.h
_LOOPBACK = b"lo"
_SELF = Path("/proc/self")
_PATIENCE = 1.0  # seconds

INSIDE = "network namespace with loopback only"
BY_CONFIGURATION = "loopback only by configuration"


@dataclass(frozen=True, slots=True)
class Network:
    """How a run is kept on loopback. `why_not`: why there is no namespace; empty where there is one."""

    why_not: str = "this process has not entered a network namespace"

    def __str__(self) -> str:
        return f"{BY_CONFIGURATION} ({self.why_not})" if self.why_not else INSIDE


def enter_namespace() -> Network:
    """Move this process into a namespace of its own, if the kernel allows it, and verify that only loopback is there.

    The user id stays. A child tries it first: a kernel may give the namespace, and forbid to set it up. A process that
    has threads stays where it is, for only the calling thread would move.
    """
    if sys.platform != "linux":
        return Network(f"{sys.platform} has no network namespaces")
    if is_loopback_only():
        return Network("")
    if not _becomes_single():
        return Network("the process has threads already")
    for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET):  # the first one is root's
        refusal = _try_in_child(flags)
        if not refusal:
            _enter(flags)
            return Network("" if is_loopback_only() else "it has more than loopback")
    return Network(f"the kernel does not allow it: {os.strerror(refusal)}")


def is_loopback_only() -> bool:
    """Say whether this process has no network interface but loopback. Unix sockets, being files, are as they were."""
    return sys.platform == "linux" and [name for _, name in socket.if_nameindex()] == [_LOOPBACK.decode()]


def _becomes_single() -> bool:
    """Say whether there is one thread. asyncio has one for each program that it waits for; it ends a moment later."""
    deadline = monotonic() + _PATIENCE
    while (threads := len([*(_SELF / "task").iterdir()])) > 1 and monotonic() < deadline:
        sleep(0.01)
    return threads == 1


def _try_in_child(flags: int) -> int:
    """Return the number of the error that the kernel refuses it with; 0 where it does not."""
    child = os.fork()
    if child == 0:
        try:
            _enter(flags)
            os._exit(0)
        except OSError as error:
            os._exit(error.errno or errno.EPERM)
        finally:
            os._exit(errno.EPERM)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _enter(flags: int) -> None:
    """Raises `OSError`."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if flags & _CLONE_NEWUSER:
        (_SELF / "setgroups").write_text("deny", encoding="ascii")
        (_SELF / "uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        (_SELF / "gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    _bring_loopback_up()


def _bring_loopback_up() -> None:
    """As `ip link set lo up` (netdevice(7)). Raises `OSError`."""
    import fcntl  # noqa: PLC0415 - Windows has none

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh", _LOOPBACK, 0) + bytes(22)  # struct ifreq
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked)
        (flags,) = struct.unpack_from("h", answer, 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", _LOOPBACK, flags | _IFF_UP) + bytes(22))
