"""Each case is a process of its own: a process cannot leave its namespace again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import pytest

from harness.isolation.namespace import BY_CONFIGURATION, INSIDE, Network
from harness.settings import Settings

ROOT = Path(__file__).parents[3]
ENTER = """
import os, socket, sys, threading
from harness.isolation.namespace import enter_namespace, is_loopback_only
user = os.getuid()
print(enter_namespace())
"""
WITHIN = """
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 5).close()
print("loopback works", is_loopback_only(), os.getuid() == user)
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    print("reached")
except OSError as error:
    print(type(error).__name__)
"""
FILE = """
with socket.socket(socket.AF_UNIX) as client:
    client.connect(sys.argv[1])
    print("the file works")
"""
LIMITED = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$0" "$@"'


def run(code: str, *words: str, within: tuple[str, ...] = ()) -> list[str]:
    command = (*within, sys.executable, "-c", code, *words)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def without_namespaces() -> tuple[str, ...]:
    """The beginning of a command that runs where no network namespace is allowed. Skips where it cannot be made."""
    if sys.platform != "linux":
        return ()
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare(1) on this machine")
    command = (unshare, "--user", "--map-root-user", "sh", "-c", LIMITED)
    if subprocess.run((*command, "true"), capture_output=True, check=False).returncode:
        pytest.skip("the kernel allows no user namespace")
    return command


@pytest.fixture(scope="module")
def allowed() -> None:
    (told,) = run(ENTER)
    if told != INSIDE:
        pytest.skip(told)


@contextmanager
def outside() -> Iterator[tuple[str, list[bool]]]:
    """The port of a server of this namespace, and whether it was connected to, once the block is through."""
    reached = list[bool]()
    with create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1]), reached
        server.setblocking(False)
        try:
            server.accept()[0].close()
            reached.append(True)
        except BlockingIOError:
            reached.append(False)


@pytest.mark.usefixtures("allowed")
def test_within_it_loopback_works_and_a_server_outside_cannot_be_reached() -> None:
    with outside() as (port, reached):
        told = run(ENTER + WITHIN, port)
    assert told == [INSIDE, "loopback works True True", "ConnectionRefusedError"]
    assert reached == [False]


def test_without_it_the_same_server_is_reached() -> None:
    with outside() as (port, reached):
        run(f"import socket, sys, os\nis_loopback_only = os.getuid\nuser = 0\n{WITHIN}", port)
    assert reached == [True]


@pytest.mark.usefixtures("allowed")
def test_what_is_started_within_it_is_in_it_too() -> None:
    child = "import subprocess; subprocess.run([sys.executable, '-c', 'import socket\\nprint(socket.if_nameindex())'])"
    assert run(f"{ENTER}\nsys.stdout.flush()\n{child}") == [INSIDE, "[(1, 'lo')]"]


@pytest.mark.usefixtures("allowed")
def test_a_unix_socket_of_outside_is_reached_for_it_is_a_file(tmp_path: Path) -> None:
    place = str(tmp_path / "calls")
    server = "import socket\nserver = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen()\n"
    assert run(f"import sys\n{server}{ENTER}{FILE}", place) == [INSIDE, "the file works"]


INSTALL = """
import asyncio, sys
from harness.clients.program import run
from harness.isolation.namespace import enter_namespace

async def main():
    for _ in range(5):
        await run((sys.executable, "-c", "pass"), {}, ".")
    print(enter_namespace())

asyncio.run(main())
"""


@pytest.mark.usefixtures("allowed")
def test_a_process_that_has_installed_clients_can_still_enter_it() -> None:
    assert run(INSTALL) == [INSIDE]


@pytest.mark.usefixtures("allowed")
def test_entering_it_twice_is_entering_it_once() -> None:
    assert run(f"{ENTER}\nprint(enter_namespace())") == [INSIDE, INSIDE]


def test_a_process_with_threads_stays_and_says_so() -> None:
    thread = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"
    (told,) = run(f"{thread}\n{ENTER}")
    why = "the process has threads already" if sys.platform == "linux" else f"{sys.platform} has no network namespaces"
    assert told == f"{BY_CONFIGURATION} ({why})"


def test_a_kernel_that_does_not_allow_it_is_named_and_the_network_stays() -> None:
    with outside() as (port, reached):
        told = run(ENTER + WITHIN, port, within=without_namespaces())
    assert told[0].startswith(f"{BY_CONFIGURATION} (")
    assert (told[-1], reached) == ("reached", [True])


def test_settings_say_nothing_of_a_namespace_that_was_not_entered() -> None:
    assert Settings.model_fields["network"].default == BY_CONFIGURATION
    assert str(Network()).startswith(BY_CONFIGURATION)
