"""LiteLLM itself is asked whether a provider asks nothing but what its deployment names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.isolation.foreign import movable_providers

ROOT = Path(__file__).parents[3]


def where_they_connect(*providers: str) -> dict[str, Any]:
    """Without the variables that could give an address or a key."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    command = (sys.executable, "-m", "tests.harness.isolation.provider_calls", *providers)
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_each_provider_that_is_let_through_asks_its_own_address_and_no_other() -> None:
    found = where_they_connect(*sorted(movable_providers()))
    assert {name: hosts for name, (_, hosts) in found.items() if hosts} == {}
    assert [name for name, (came, _) in found.items() if not came] == []


def test_the_ones_that_are_refused_would_ask_elsewhere() -> None:
    found = where_they_connect("bytez", "replicate", "gigachat", "watsonx_text")
    assert all(hosts for _, hosts in found.values()), found
    assert not movable_providers() & found.keys()
