from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.clients import python_sdk
from harness.model import Reply, Request
from harness.situations.sdk_calls import call, runs
from harness.upstream import openai_wire as openai
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay

ASKED = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As `installed` leaves it, but with the openai-python that LiteLLM brings."""
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    (tmp_path / "main.py").write_bytes((python_sdk.PROJECT / "main.py").read_bytes())
    return tmp_path


@pytest.mark.parametrize("sdk", python_sdk.VERSIONS)
def test_the_version_is_the_one_that_pip_is_told(sdk: str) -> None:
    pinned = (python_sdk.PROJECT / f"{sdk}.txt").read_text(encoding="utf-8").splitlines()
    assert f"{sdk}=={python_sdk.VERSIONS[sdk]}" in pinned
    assert all("==" in line for line in pinned)


async def test_a_stream_is_read_to_its_end(folder: Path) -> None:
    (run,) = runs(call("chat.completions.create", {**ASKED, "stream": True}))
    async with SimulatedUpstream(improvise=autoplay()) as upstream:
        finished = await python_sdk.drive("openai", folder, upstream.url, "the key", *run)
        (seen,) = upstream.unscripted
    assert finished.exit_code == 0, finished.output
    assert "finish_reason='stop'" in finished.output
    assert seen.request.path == "/v1/chat/completions"
    assert ("authorization", "Bearer the key") in [(name.lower(), value) for name, value in seen.request.headers]


async def test_a_tools_result_goes_back_until_the_model_asks_for_none(folder: Path) -> None:
    calls = [openai.tool_call("look", {}, "one")]

    def answer(request: Request) -> Reply:
        asked = calls if b'"tool"' not in request.body else ()
        return openai.stream_reply(openai.completion(None if asked else "Seen.", asked))

    (run,) = runs(call("chat.completions.stream", {**ASKED, "tools": [TOOL]}, results={"look": "a tree"}))
    async with SimulatedUpstream(improvise=answer) as upstream:
        finished = await python_sdk.drive("openai", folder, upstream.url, "the key", *run)
        first, second = upstream.unscripted
    assert finished.exit_code == 0, finished.output
    assert [one["role"] for one in json.loads(second.request.body)["messages"]] == ["user", "assistant", "tool"]
    assert b"a tree" in second.request.body
    assert b"a tree" not in first.request.body


async def test_calls_at_once_are_all_made_and_a_failure_is_an_exit_code(folder: Path) -> None:
    (run,) = runs(*[call("chat.completions.create", ASKED)] * 3, at_once=True, **{"async": True, "retries": 0})
    async with SimulatedUpstream(improvise=lambda _: openai.error_reply(400, "Not so")) as upstream:
        finished = await python_sdk.drive("openai", folder, upstream.url, "the key", *run)
        assert len(upstream.unscripted) == 3
    assert finished.exit_code == 1
    assert "BadRequestError" in finished.output
