from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import archives
from harness.cli import main
from harness.errors import BadInput
from harness.model import Chunk, Effects, Exchange, Observation, Request, Response, Role
from harness.observation import store
from harness.traffic.har import exchanges, har
from harness.traffic.scenario_file import read

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "sk-live-0123456789abcdef"
ASKS = Request(
    "POST", "/v1/chat/completions", (("Authorization", f"Bearer {KEY}"),), b'{"messages":[{"content":"a secret plan"}]}'
)
STREAM = (("content-type", "text/event-stream; charset=utf-8"),)
CHUNKS = (Chunk(0.1, b'data: {"choices":[]}\n\n'), Chunk(0.2, b"data: [DONE]\n\n"))
SEEN = Exchange(ASKS, Response(200, STREAM, CHUNKS))

# Stands for mitmproxy's program: writes the HAR that its flows are made of here.
MITMDUMP = f"""#!{sys.executable}
import shutil, sys
shutil.copy(sys.argv[sys.argv.index("-r") + 1] + ".har", sys.argv[-1].removeprefix("hardump="))
"""


def written(path: Path, *seen: Exchange) -> Path:
    path.write_text(json.dumps(har(seen, "https://gateway.example", BEGAN)), encoding="utf-8")
    return path


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.output.replace("\n", "")


def test_two_archives_become_a_scrubbed_scenario_with_the_providers_stream(tmp_path: Path) -> None:
    client, provider = written(tmp_path / "c.har", SEEN), written(tmp_path / "p.har", SEEN)
    file = tmp_path / "live" / "session.yaml"
    assert run("import", client, file, "--upstream", provider, "--title", "A session", "--covers", "chat")[0] == 0
    scenario = read(file)
    (step,) = scenario.steps
    assert (scenario.title, scenario.covers) == ("A session", ("chat",))
    assert [len(reply.acts or ()) for reply in step.replies] == [2]
    assert KEY not in file.read_text()
    assert "secret" not in file.read_text()


def test_fifteen_equal_calls_of_one_prompt_each_keep_their_own_answer(tmp_path: Path) -> None:
    client = [Exchange(ASKS, Response(200, (), (Chunk(1.0, b"-"),)), at=n / 1000) for n in range(15)]
    provider = [Exchange(ASKS, Response(200, (), (Chunk(0.5, b"%d" % n),)), at=0.1 + n / 1000) for n in range(15)]
    file = tmp_path / "live" / "fan-out.yaml"
    assert (
        run("import", written(tmp_path / "c.har", *client), file, "--upstream", written(tmp_path / "p.har", *provider))[
            0
        ]
        == 0
    )
    steps = read(file).steps
    assert [step.replies[0].body for step in steps] == [b"%d" % n for n in range(15)]
    assert [step.together for step in steps] == [False] + [True] * 14


def test_a_recording_is_not_changed_by_reading_it_nor_by_importing_over_it(tmp_path: Path) -> None:
    archive, file = written(tmp_path / "c.har", SEEN), tmp_path / "live" / "session.yaml"
    assert run("import", archive, file)[0] == 0
    before = file.read_bytes()
    read(file)
    code, said = run("import", archive, file)
    assert (code, "--update" in said) == (2, True)
    assert file.read_bytes() == before
    assert run("import", archive, file, "--update")[0] == 0


async def test_flows_of_mitmproxy_are_read_with_its_own_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = tmp_path / "flows.mitm"
    flows.write_bytes(b"2003:9:websocket;0:~")
    written(tmp_path / "flows.mitm.har", SEEN)
    program = tmp_path / "bin" / "mitmdump"
    program.parent.mkdir()
    program.write_text(MITMDUMP)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert [one.request for one in await archives.read(flows)] == [ASKS]
    (tmp_path / "flows.mitm.har").unlink()
    with pytest.raises(BadInput, match="mitmproxy's flows, which mitmdump cannot read"):
        await archives.read(flows)


async def test_an_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.har: cannot be read"):
        await archives.read(tmp_path / "gone.har")


def test_what_a_run_has_seen_is_exported_with_its_stream(tmp_path: Path) -> None:
    seen = Observation("vscode/chat", "sdk", Role.CANDIDATE, (SEEN,), (), Effects())
    with store.writing(tmp_path / "observations.ndjson") as write:
        write(seen)
    file = tmp_path / "chat.har"
    assert run("export", "vscode/chat", file, "--run", tmp_path)[0] == 0
    (exchange,) = exchanges(file.read_text(), "chat.har")
    assert exchange.request == ASKS
    assert exchange.outcome == SEEN.outcome
    code, said = run("export", "vscode/other", file, "--run", tmp_path)
    assert (code, "holds no observation of vscode/other" in said) == (2, True)
