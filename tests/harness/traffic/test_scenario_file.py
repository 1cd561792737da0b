from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from harness.errors import BadInput
from harness.model import Cut, Must, Reply, Request, Scenario, Send, Step, Wait, WaitForClient
from harness.traffic.scenario_file import read, read_all, write
from tests.harness.traffic.nouns import SCENARIO

WHOLE = """\
format: 1
title: A tool call sent in three pieces reaches the client whole
source: recorded 2026-11-22, claude-cli 2.1.197
covers: [stream, tools]
steps:
  - request:
      method: POST
      path: /v1/messages?beta=true
      headers: {Accept: application/json, x-a: [one, two]}
      json: {model: claude-sonnet, stream: true}
    upstream:
      - status: 200
        events:
          - {event: message_start, data: {type: message_start}}
          - {wait_for_client: 1}
          - {data: "[DONE]"}
          - {comment: ping}
          - {raw: "data: x\\r\\n\\r\\n"}
          - {wait: 0.05}
          - {cut: fin}
      - {before: [{wait: 1}, {cut: rst}]}
      - {status: 429, headers: {retry-after: "1"}, json: {type: error}}
    must:
      - {path: /client/0/response/status, equals: 200}
      - {path: /client/0/failure, absent: true}
  - {together: true, leave_after: 0, request: {method: GET, path: /v1/models}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "claude-code" / "tool-loop.yaml"
    path.parent.mkdir()
    path.write_text(WHOLE)
    return path


def test_a_file_is_read_into_the_nouns(file: Path) -> None:
    first = Step(
        Request(
            "POST",
            "/v1/messages?beta=true",
            (("Accept", "application/json"), ("x-a", "one"), ("x-a", "two")),
            b'{"model":"claude-sonnet","stream":true}',
        ),
        (
            Reply(
                200,
                (("content-type", "text/event-stream; charset=utf-8"),),
                acts=(
                    Send(b'event: message_start\ndata: {"type":"message_start"}\n\n'),
                    WaitForClient(1),
                    Send(b"data: [DONE]\n\n"),
                    Send(b": ping\n\n"),
                    Send(b"data: x\r\n\r\n"),
                    Wait(0.05),
                    Cut("fin"),
                ),
            ),
            Reply(before=(Wait(1.0), Cut("rst"))),
            Reply(429, (("content-type", "application/json"), ("retry-after", "1")), b'{"type":"error"}'),
        ),
        (Must("/client/0/response/status", "equals", 200), Must("/client/0/failure", "absent")),
    )
    second = Step(Request("GET", "/v1/models"), together=True, leave_after=0)
    assert read(file) == Scenario(
        "claude-code/tool-loop",
        "claude-code",
        "A tool call sent in three pieces reaches the client whole",
        "recorded 2026-11-22, claude-cli 2.1.197",
        ("stream", "tools"),
        (first, second),
    )


@settings(max_examples=150, deadline=None)
@given(SCENARIO)
def test_a_scenario_that_is_written_and_read_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario
) -> None:
    path = tmp_path_factory.getbasetemp() / "some-client" / "some-name.yaml"
    write(scenario, path)
    assert repr(read(path)) == repr(scenario)  # repr, because NaN is not equal to itself


def test_a_body_is_a_tree_only_if_the_tree_gives_the_same_bytes_back(tmp_path: Path) -> None:
    bodies = {b'{"a":1}': "json:", b'{"a": 1}': "text:", b'{"a":1,"a":2}': "text:", b"\xff": "base64:"}
    for number, (body, key) in enumerate(bodies.items()):
        path = tmp_path / "client" / f"number-{number}.yaml"
        write(Scenario("", "", "title", "scripted", (), (Step(Request("POST", "/", (), body)),)), path)
        assert key in path.read_text()
        assert read(path).steps[0].request.body == body


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("format: 1", "format: 2", 1, "format: format 2 is not known"),
        ("covers:", "cover:", 4, "cover: is no field"),
        ("method: POST", "method: POST\n      method: GET", 8, 'found duplicate key "method"'),
        ("method: POST\n", "methods: POST\n", 6, "steps/0/request"),
        ("x-a: [one, two]", "x-a: 7", 9, "in quotes"),
        ("json: {model: claude-sonnet", "json: {day: 2026-11-22", 10, "put it in quotes"),
        ("stream: true}", "stream: true}\n      text: x", 6, "several bodies"),
        ("wait: 0.05", "waits: 0.05", 19, "waits: is no field"),
        ("cut: fin", "cut: soon", 20, "'fin' or 'rst'"),
        ("equals: 200", "equal: 200", 24, "equal: is no field"),
        ("leave_after: 0", "leave_after: -1", 26, "steps/1/leave_after"),
        ("source: recorded 2026-11-22, claude-cli 2.1.197", "source: handmade", 3, "source"),
        ("    upstream:", "   upstream:", 11, ""),
    ],
)
def test_what_is_wrong_is_named_with_its_file_line_and_field(
    file: Path, old: str, new: str, line: int, what: str
) -> None:
    file.write_text(WHOLE.replace(old, new, 1))
    with pytest.raises(BadInput) as error:
        read(file)
    assert f"tool-loop.yaml:{line}: " in str(error.value)
    assert what in str(error.value)


def test_all_files_of_a_folder_are_read_in_the_order_of_their_ids(file: Path) -> None:
    for name in ("claude-code/plain.yaml", "a-client/zebra.yaml"):
        path = file.parents[1] / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(WHOLE)
    (file.parents[1] / "README.md").touch()
    (file.parents[1] / "differences.toml").touch()
    ids = [scenario.id for scenario in read_all(file.parents[1])]
    assert ids == ["a-client/zebra", "claude-code/plain", "claude-code/tool-loop"]


@pytest.mark.parametrize(
    "name",
    ["claude-code/x.yml", "claude-code/x.json", "x.yaml", "claude-code/deep/x.yaml", "claude-code/Tool Loop.yaml"],
)
def test_a_file_that_nobody_loads_is_an_error(file: Path, name: str) -> None:
    path = file.parents[1] / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(WHOLE)
    with pytest.raises(BadInput, match="nobody loads"):
        read_all(file.parents[1])


@pytest.mark.parametrize(
    "text", ["\x00", "a: b: c", "[1", "- a\nb", "&a [*a]", "{? [1]: 2}", "{1: 2}", "!!python/object:os.x {}", "", "[]"]
)
def test_what_is_not_a_scenario_at_all_is_an_error_too(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"bad\.yaml"):
        read(tmp_path / "bad.yaml")
