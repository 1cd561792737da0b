import asyncio
import os
import subprocess
import sys

import pytest

from harness.performance.sampling import Sample, cpu_of, growth, highest_rss, sample, sampling
from tests.waiting import until

HOLDS = "held = bytearray(50_000_000); print('ready', flush=True); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS!r}])"


def at(second: float, rss: int, cpu: float = 0.0) -> Sample:
    return Sample(second, rss, cpu, 0, 1, 1)


async def test_what_a_process_started_counts_as_well() -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdin=pipe, stdout=pipe)
    assert process.stdout and process.stdin
    await process.stdout.readline()
    found = sample([process.pid])
    process.stdin.close()
    await process.wait()
    assert found.processes == 2
    assert found.rss > 50_000_000
    assert found.cpu > 0 and found.threads >= 2 and found.files > 0


def test_a_process_that_is_gone_uses_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    found = sample([gone.pid])
    assert (found.processes, found.rss, found.cpu) == (0, 0, 0.0)


async def test_samples_are_taken_all_the_time() -> None:
    async with sampling([os.getpid()], interval=0.01) as samples:
        await until(lambda: len(samples) >= 5)
    assert [each.at for each in samples] == sorted(each.at for each in samples)
    assert cpu_of(samples) >= 0
    assert highest_rss(samples) >= samples[0].rss


def test_growth_is_bytes_a_minute() -> None:
    assert growth([at(0, 100), at(10, 110), at(20, 120)]) == pytest.approx(60)
    assert growth([at(0, 100), at(1, 110), at(2, 120)]) is None
