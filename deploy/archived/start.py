"""Starts LiteLLM and the archived binary proxy before it, from this folder alone: nothing of the project is imported.

python start.py --config config.yaml [--port 8764] [--litellm-port 4000]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from time import sleep
from urllib.request import urlopen

HERE = Path(__file__).resolve().parent
_DRAIN = 35.0  # seconds
_BETWEEN = 0.1  # seconds


def main() -> int:
    parser = argparse.ArgumentParser(description="LiteLLM and the archived binary proxy.")
    parser.add_argument("--config", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="8764")
    parser.add_argument("--litellm-port", default="4000")
    asked = parser.parse_args()
    was = json.loads((HERE / "versions.json").read_text(encoding="utf-8"))["litellm"]
    if (now := version("litellm")) != was:
        print(f"LiteLLM is {now}, and was {was}: see {HERE / 'RESTORE.md'}", file=sys.stderr)
    program = str(Path(sys.executable).parent / "litellm")
    behind = f"http://127.0.0.1:{asked.litellm_port}"
    litellm = (program, "--config", asked.config, "--host", "127.0.0.1", "--port", asked.litellm_port)
    proxy = (
        *(sys.executable, "-P", "-m", "sdk_proxy.litellm_proxy_with_memory", "--config", asked.config),
        *("--host", asked.host, "--port", asked.port, "--litellm-url", behind),
    )
    return _run(litellm, f"{behind}/health/liveliness", proxy)


def _run(litellm: tuple[str, ...], alive: str, proxy: tuple[str, ...]) -> int:
    """Until one of them ends, or a signal comes: then the other ends, too."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: stopped.append(got))
    running = [_started(litellm)]
    # Who asks the proxy before LiteLLM behind it is up gets an error, though the proxy itself is well.
    while not (up := _answers(alive)) and not stopped and running[0].poll() is None:
        sleep(_BETWEEN)
    if up and not stopped:
        running.append(_started(proxy))
    while not stopped and all(each.poll() is None for each in running):
        sleep(_BETWEEN)
    for each in running:
        each.terminate()
    for each in running:
        try:
            each.wait(_DRAIN)
        except subprocess.TimeoutExpired:
            each.kill()
    return 0 if stopped else 1


def _started(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(HERE / "baseline")}
    return subprocess.Popen(command, env=environment, start_new_session=True)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
