"""`python -m harness import`: each format of other tools, from a file to a scenario that loads."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.model import Scenario, Send, header
from harness.traffic.scenario_file import read

WORD, KEY = "Guacamole", "sk-ant-0123456789abcdef"
ASKED = f'{{"model": "claude-haiku-4-5", "stream": true, "messages": [{{"role": "user", "content": "{WORD}"}}]}}'
PING = 'event: ping\ndata: {"type": "ping"   }\n\n'
EVENTS = f'{PING}event: x\ndata: {{"type": "x", "text": "{WORD}", "n": null}}\n\n'
STREAM = {"Content-Type": ["text/event-stream; charset=utf-8"]}
SENT = {"Content-Type": ["application/json"], "X-Api-Key": [KEY]}
URL = "https://api.anthropic.com/v1/messages?beta=true"


def run_import(archive: Path, *more: object) -> tuple[int, str]:
    arguments = ["import", archive, archive.with_name("out") / "one.yaml", *more]
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def import_file(archive: Path, text: str | bytes) -> Scenario:
    """The scenario that the file becomes, given for both faces of the gateway."""
    archive.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, said = run_import(archive, "--upstream", archive)
    assert code == 0, said
    out = archive.with_name("out") / "one.yaml"
    assert WORD not in out.read_text() and KEY not in out.read_text()
    return read(out)


def chunks_of(scenario: Scenario, step: int) -> list[bytes]:
    (reply,) = scenario.steps[step].replies
    return [act.data for act in reply.acts or () if isinstance(act, Send)]


def require_the_calls(scenario: Scenario) -> None:
    """A streamed message, and then one that fails: bodies as they were spelled, but for what a person wrote."""
    first, second = scenario.steps
    assert (first.request.method, first.request.path) == ("POST", "/v1/messages?beta=true")
    begin, _, end = ASKED.encode().partition(WORD.encode())
    assert first.request.body.startswith(begin) and first.request.body.endswith(end)
    assert len(first.request.body) == len(ASKED)
    assert header(first.request.headers, "x-api-key") == "<key>"
    assert (first.replies[0].status, chunks_of(scenario, 0)[0]) == (200, PING.encode())
    assert len(chunks_of(scenario, 0)) == 2 and chunks_of(scenario, 0)[1].endswith(b'", "n": null}\n\n')
    (plain,) = second.replies
    assert (plain.status, json.loads(plain.body)) == (529, {"type": "error", "n": 1.5})
    assert header(plain.headers, "content-encoding") is None


def vcrpy(body: Any = None, error: Any = None) -> dict[str, Any]:
    status = {"code": 200, "message": "OK"}
    first = {
        "request": {"method": "POST", "uri": URL, "body": ASKED, "headers": SENT},
        "response": {"status": status, "headers": STREAM, "body": body or {"string": EVENTS}},
    }
    second: dict[str, Any] = {
        "request": {"method": "GET", "uri": "https://api.anthropic.com/v1/models", "body": None, "headers": {}},
        "response": error
        or {
            "status": {"code": 529, "message": ""},
            "headers": {"content-type": ["application/json"], "Content-Encoding": ["gzip"]},
            "body": {"string": '{"type": "error", "n": 1.5}'},
        },
    }
    return {"version": 1, "interactions": [first, second]}


YAML = f"""\
interactions:
- request:
    body: '{ASKED}'
    headers:
      Content-Type: [application/json]
      X-Api-Key:
      - {KEY}
    method: POST
    uri: {URL}
  response:
    body:
      string: !!binary |
        {base64.b64encode(EVENTS.encode()).decode()}
    headers:
      Content-Type: [text/event-stream; charset=utf-8]
    status: {{code: 200, message: OK}}
- request:
    body: null
    headers: {{}}
    method: GET
    uri: https://api.anthropic.com/v1/models
  response:
    body:
      string: !!binary |
        {base64.b64encode(gzip.compress(b'{"type": "error", "n": 1.5}')).decode()}
    headers:
      content-type: [application/json]
      Content-Encoding: [gzip]
    status: {{code: 529, message: Overloaded}}
version: 1
"""

RUBY = f"""\
---
http_interactions:
- request:
    method: post
    uri: {URL}
    body:
      encoding: UTF-8
      string: '{ASKED}'
    headers:
      Content-Type: [application/json]
      X-Api-Key: [{KEY}]
  response:
    status: {{code: 200, message: OK}}
    headers:
      Content-Type: [text/event-stream]
    body:
      encoding: ASCII-8BIT
      base64_string: |
        {base64.b64encode(EVENTS.encode()).decode()[:60]}
        {base64.b64encode(EVENTS.encode()).decode()[60:]}
  recorded_at: Mon, 30 Nov 2026 10:00:00 GMT
- request:
    method: get
    uri: https://api.anthropic.com/v1/models
    body: {{encoding: US-ASCII, string: ''}}
    headers: {{}}
  response:
    status: {{code: 529, message: Overloaded}}
    headers:
      Content-Type: [application/json]
    body:
      encoding: UTF-8
      string: !binary |-
        {base64.b64encode(b'{"type": "error", "n": 1.5}').decode()}
  recorded_at: Mon, 30 Nov 2026 10:00:01 GMT
recorded_with: VCR 6.3.1
"""

OLD_HTTPX = {"status_code": 529, "headers": {"content-type": "application/json"}, "content": '{"type":"error","n":1.5}'}


@pytest.mark.parametrize(
    "text",
    [YAML, RUBY, json.dumps(vcrpy(), indent=4), json.dumps(vcrpy(error=OLD_HTTPX)), "\ufeff" + YAML],
    ids=["vcrpy yaml", "ruby yaml", "vcrpy json", "vcrpy httpx", "bom"],
)
def test_a_cassette_becomes_a_scenario(tmp_path: Path, text: str) -> None:
    require_the_calls(import_file(tmp_path / "cassette.yaml", text))


def test_a_body_that_pydantic_ai_has_parsed_is_json_again(tmp_path: Path) -> None:
    tree = vcrpy()
    tree["interactions"][0]["request"] = {
        **{name: value for name, value in tree["interactions"][0]["request"].items() if name != "body"},
        "parsed_body": json.loads(ASKED),
    }
    require_the_calls(import_file(tmp_path / "cassette.json", json.dumps(tree)))


def test_a_cassette_alone_is_imported_and_the_missing_replies_are_told(tmp_path: Path) -> None:
    file = tmp_path / "cassette.yaml"
    file.write_text(
        """interactions:
- request: {method: POST, uri: "https://api.example/v1/messages", body: "{}", headers: {}}
  response: {status: {code: 200, message: OK}, headers: {}, body: {string: "{}"}}
version: 1
"""
    )
    code, said = run_import(file)
    assert code == 0 and "give it as --upstream as well" in said and "1 requests" in said.replace("\n", "")
    (step,) = read(tmp_path / "out" / "one.yaml").steps
    assert (step.request.method, step.request.path, step.request.body, step.replies) == (
        "POST",
        "/v1/messages",
        b"{}",
        (),
    )


def claude_trace() -> str:
    headers = {"content-type": "application/json", "x-api-key": "sk-ant-012...cdef"}
    first: dict[str, Any] = {
        "request": {
            "timestamp": 1796000000.5,
            "method": "POST",
            "url": URL,
            "headers": headers,
            "body": json.loads(ASKED),
        },
        "response": {
            "timestamp": 1796000001.5,
            "status_code": 200,
            "headers": {"content-type": "text/event-stream; charset=utf-8", "content-encoding": "gzip"},
            "body_raw": EVENTS,
        },
        "logged_at": "2026-11-30T10:00:01.500Z",
    }
    second: dict[str, Any] = {
        "request": {"timestamp": 1796000003, "method": "GET", "url": URL, "headers": {}, "body": None},
        "response": {
            "timestamp": 1796000004,
            "status_code": 529,
            "headers": {"content-type": "application/json"},
            "body": {"type": "error", "n": 1.5, "text": "a\u2028b"},
        },
        "logged_at": "2026-11-30T10:00:04.500Z",
    }
    orphan = {"request": {**second["request"], "timestamp": 1796000009}, "response": None, "note": "ORPHANED_REQUEST"}
    lines = [json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in (second, first, orphan)]
    return "\n".join(lines) + "\n"


def test_a_log_of_claude_trace_becomes_a_scenario_in_the_order_of_its_calls(tmp_path: Path) -> None:
    scenario = import_file(tmp_path / "log-2026-11-30.jsonl", claude_trace())
    (orphan,) = scenario.steps[2].replies
    assert orphan.before and not orphan.body
    assert chunks_of(scenario, 0)[0] == PING.encode()
    assert scenario.steps[0].request.body.startswith(
        b'{"model":"claude-haiku-4-5","stream":true,"messages":[{"role":"user"'
    )
    assert scenario.steps[1].replies[0].body.startswith(b'{"type":"error","n":1.5,"text":"')


def test_a_capture_of_ccs_proxy_becomes_a_scenario(tmp_path: Path) -> None:
    def line(seq: int, request: dict[str, Any], response: dict[str, Any]) -> str:
        about = {"seq": seq, "session_id": "s", "started_at": f"2026-11-30T10:00:0{seq}Z", "duration_ms": 10}
        return json.dumps({**about, "request": request, "response": response, "partial": False, "schema_version": 1})

    headers = {"content-type": "application/json", "x-api-key": KEY}
    asks = {"method": "POST", "path": "/v1/messages?beta=true", "headers": headers, "body": json.loads(ASKED)}
    streams = {"status": 200, "headers": {"content-type": "text/event-stream"}, "body_reassembled": {}}
    fails = {"status": 529, "headers": {"content-type": "application/json"}, "raw_sse_frames_count": 0}
    lines = [
        line(1, asks, {**streams, "raw_sse_text": EVENTS, "raw_sse_frames_count": 2}),
        line(2, {**asks, "method": "GET"}, {**fails, "body_reassembled": {"type": "error", "n": 1.5}}),
    ]
    scenario = import_file(tmp_path / "capture.jsonl", "\n".join(lines))
    assert chunks_of(scenario, 0)[0] == PING.encode()
    assert json.loads(scenario.steps[1].replies[0].body) == {"type": "error", "n": 1.5}
    (tmp_path / "lost.jsonl").write_text(line(1, asks, {**streams, "raw_sse_frames_count": 2}) + "\n" + lines[1])
    code, said = run_import(tmp_path / "lost.jsonl", "--update")
    assert code == 2 and "lost.jsonl:1: response: the events of the stream were not kept" in said.replace("\n", "")


def test_a_trace_of_llm_interceptor_becomes_a_scenario_with_its_events_again(tmp_path: Path) -> None:
    def at(second: int) -> str:
        return f"2026-11-30T10:00:{second:02}+00:00"

    asks = {"type": "request", "method": "POST", "url": URL, "headers": {"x-api-key": KEY}, "body": json.loads(ASKED)}
    event = {"type": "x", "text": WORD, "n": None}
    records = [
        {**asks, "id": "a", "timestamp": at(0)},
        {**asks, "id": "b", "timestamp": at(1), "method": "GET", "body": None},
        {"type": "response", "request_id": "b", "timestamp": at(2), "status_code": 529, "headers": {}, "latency_ms": 9}
        | {"body": {"type": "error", "n": 1.5}},
        *(
            {"type": "response_chunk", "request_id": "a", "status_code": 200, "chunk_index": n, "content": content}
            for n, content in enumerate([{"type": "ping", "_event_type": "x"}, event, {"done": True}])
        ),
        {"type": "response_meta", "request_id": "a", "total_latency_ms": 900.0, "status_code": 200, "total_chunks": 3},
    ]
    scenario = import_file(tmp_path / "raw.jsonl", "\n".join(map(json.dumps, records)) + "\n")
    events = chunks_of(scenario, 0)
    assert events[0] == b'event: ping\ndata: {"type":"ping"}\n\n' and events[2] == b"data: [DONE]\n\n"
    assert events[1].startswith(b'event: x\ndata: {"type":"x","text":"') and events[1].endswith(b'","n":null}\n\n')
    assert json.loads(scenario.steps[1].replies[0].body) == {"type": "error", "n": 1.5}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (gzip.compress(b"{}", mtime=0), "is compressed with gzip"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"SQLite format 3\x00rest", "is a database of SQLite"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "is a packet capture (pcap)"),
        (b"\x0a\x0d\x0d\x0a\x1c\x00", "is a packet capture (pcapng)"),
        (b"\x89PNG\r\n", "is binary, or no UTF-8 (byte 0)"),
        (b"a\0b", "is binary: it has a null byte"),
        (b"<!doctype html>", "looks like HTML or XML"),
        (b"POST /v1/messages HTTP/1.1\r\n", "looks like HTTP as text"),
        (b'{"log": {"version": "1.2", "entries": []}}', "is a HAR without entries"),
        (b'{"log": {"version": "1.2"}}', "looks like a HAR, but its log has no entries"),
        (b'{"choices": [], "id": "x"}', 'is JSON of another kind: its keys are "choices", "id"'),
        (b"[]", "is an empty list in JSON"),
        (b'["a"]', "is a list in JSON"),
        (b'{"a": 1', "looks like JSON, but is none"),
        (b'{"request": {}, "response": null}\n{"request"', "file.bin:2: looks like JSON, or JSON lines, but is none"),
        (b'{"type": "user", "sessionId": "1"}\n{"type": "assistant"}\n', "is a transcript of Claude Code"),
        (b'{"level": 30, "time": 1, "pid": 2}\n{"level": 30}\n', "is a log of pino, as claude-code-router"),
        (b"a: 1\nb: 2\n", 'is YAML of another kind: its keys are "a", "b"'),
        (b"model_list: []\n", "is a configuration of LiteLLM"),
        (b"format: 1\nsteps: []\n", "is a scenario already"),
        (b"a: [\n", "file.bin:2: is not YAML that can be read"),
        (b"a: !ruby/object:Foo {}\n", "file.bin:1: is not YAML that can be read"),
        (b"interactions: []\n", "is a cassette without calls"),
        (b"interactions:\n- request: {method: GET}\n", "file.bin: interactions/0/request/uri: is no VCR cassette"),
        (b"- request: {uri: x}\n", "looks like a cassette of VCR.py before 1.0"),
        (b"just words\n", "is text"),
    ],
)
def test_any_other_file_is_told_what_it_looks_like_and_what_is_accepted(tmp_path: Path, data: bytes, told: str) -> None:
    file = tmp_path / "file.bin"
    file.write_bytes(data)
    code, said = run_import(file)
    assert code == 2 and told in said.replace("\n", ""), said
    assert "mitmdump" not in said and "install" not in said
    assert not (tmp_path / "out").exists()


def test_only_for_flows_of_mitmproxy_its_program_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "flows").write_bytes(b"1537:9:websocket;0:~8:response;1189:6:reason,2:OK,")
    code, said = run_import(tmp_path / "flows")
    assert code == 2 and "mitmdump cannot be started" in said


def test_a_body_that_is_no_json_though_it_says_so_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    file, tree = tmp_path / "cassette.json", vcrpy()
    tree["interactions"][0]["request"]["body"] = '{"model": "gpt",\n "content" Guacamole}'
    file.write_text(json.dumps(tree))
    code, said = run_import(file, "--upstream", file)
    assert code == 2 and not (tmp_path / "out").exists()
    assert "cassette.json: request 1 (POST /v1/messages?beta=true): the body is not" in said and WORD not in said
    assert "line 2, column 12 (byte 28): this is no JSON: a colon is expected here" in said
    assert run_import(file, "--accept-malformed")[0] == 0
    body = read(tmp_path / "out" / "one.yaml").steps[0].request.body
    assert body.startswith(b'{"model": "gpt",\n "content" ') and b"Guacamole" not in body


def har(path: str, sent: str, content_type: str, came: str) -> str:
    """A HAR of one call, in which the bodies stand as they were spelled."""
    request = {
        "method": "POST",
        "url": f"https://gateway.example{path}",
        "headers": [{"name": "content-type", "value": "application/json"}, {"name": "x-api-key", "value": KEY}],
        "postData": {"mimeType": "application/json", "text": sent},
    }
    response = {
        "status": 200,
        "headers": [{"name": "content-type", "value": content_type}],
        "content": {"mimeType": content_type, "text": came},
    }
    entry = {"startedDateTime": "2026-11-30T10:00:00.000Z", "time": 10, "request": request, "response": response}
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "hand", "version": "1"}, "entries": [entry]}})


PADDED = (
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01","stop_reason":null}  }\n\n'
    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"%s"},"index":0           }\n\n'
    'event: message_stop\ndata: {"type":"message_stop"     }\n\n'
)
INDENTED = (
    '{\n  "object": "chat.completion",\n  "choices": [\n    {\n      "text": "%s",\n      "n": null\n    }\n  ]\n}\n'
)


@pytest.mark.parametrize(
    ("content_type", "spelled"), [("text/event-stream; charset=utf-8", PADDED), ("application/json", INDENTED)]
)
def test_padded_events_and_indented_answers_of_a_har_keep_their_spelling(
    tmp_path: Path, content_type: str, spelled: str
) -> None:
    scenario = import_file(tmp_path / "traffic.har", har("/v1/messages", ASKED, content_type, spelled % WORD))
    (reply,) = scenario.steps[0].replies
    came = reply.body.decode() or b"".join(chunks_of(scenario, 0)).decode()
    begin, end = spelled.split("%s")
    assert came.startswith(begin) and came.endswith(end) and len(came) == len(spelled % WORD)
