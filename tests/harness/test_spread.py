"""Work in parts, on several processes: the same results, in order, and no loss that is not told."""

import json
import os
import subprocess
import sys
import threading

import pytest

from harness.errors import BadInput, HarnessError
from harness.spread import spread

PARTS = list(range(11))


@pytest.mark.parametrize("cores", [1, 2, 3, 20])
def test_the_results_are_in_the_order_of_the_parts(cores):
    assert spread(lambda part: part * part, PARTS, cores) == [part * part for part in PARTS]


def test_other_processes_do_their_share_of_it():
    assert len(set(alone("lambda _: os.getpid()", 3))) == 3
    assert len(set(alone("lambda _: os.getpid()", 1))) == 1


def alone(work: str, cores: int) -> list[int]:
    """In a process without threads, which a worker of pytest's is not: of those none is forked."""
    says = f"import os; from harness.spread import spread; print(spread({work}, [*range(11)], {cores}))"
    ran = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.fail(ran.stderr)
    found: list[int] = json.loads(ran.stdout)
    return found


def test_nothing_is_forked_where_there_are_threads():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert set(spread(lambda _: os.getpid(), PARTS, 3)) == {os.getpid()}
    finally:
        done.set()
        thread.join()


def test_results_that_nobody_takes_at_once_are_not_lost():
    assert spread(lambda part: bytes([part]) * 3_000_000, PARTS, 2)[9] == bytes([9]) * 3_000_000


@pytest.mark.parametrize("wrong", [0, 1])
def test_a_part_that_cannot_be_done_is_told_by_whoever_met_it(wrong):
    def work(part):
        if part == wrong:
            raise BadInput("is not an observation", "observations.ndjson", 7)
        return part

    with pytest.raises(HarnessError, match=r"observations\.ndjson:7: is not an observation"):
        spread(work, PARTS, 2)


def test_a_process_that_was_killed_is_told():
    here = "(lambda _, here=os.getpid(): os.getpid() == here or os.kill(os.getpid(), 9))"
    with pytest.raises(pytest.fail.Exception, match=r"HarnessError: .*ended with -9"):
        alone(here, 2)
