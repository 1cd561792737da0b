"""Runs as they are on the disk, made up: observations and parity.json, for the tests of the page."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.model import (
    Absent,
    Chunk,
    Declaration,
    Difference,
    Effects,
    Exchange,
    Judgement,
    Kind,
    Observation,
    Outcome,
    Request,
    Response,
    Role,
    Scenario,
    Step,
    Verdict,
)
from harness.observation import store
from harness.report.redaction import Redaction
from harness.report.summary import summary

EVIL = "</script><img src=x onerror=\"document.title='owned'\"><b>bold</b>"
MADE = {"at": "2026-11-23T07:49:34+00:00", "commit": "c" * 40, "dirty": 0, "config": "a" * 64, "litellm": "1.106.2"}
REQUEST_ID = Declaration(
    "request-id", "**/x-request-id", frozenset({Kind.EXTRA}), "An id of the request.", "2026-11-23", better=True
)
_CLIENTS = ("claude-code", "curl", "pycharm")
_HEADERS = (("content-type", "text/event-stream"), ("x-frame-options", "DENY"))


def stored(
    reports: Path, scenarios: int, steps: int = 1, words: str = EVIL, words_of_each: int = 1, events: int = 3
) -> Path:
    """A whole run, and `latest` for it. The first scenario differs, the others are allowed or the same."""
    folder = reports / "runs" / "20261123-074934-aaaa"
    folder.mkdir(parents=True)
    names = [f"{_CLIENTS[n % 3]}/scenario-{n}" for n in range(scenarios)]
    with store.writing(folder / "observations.ndjson") as keep:
        for n, name in enumerate(names):
            for role in Role:
                keep(_observation(name, role, n, steps, [f"{words} {n}" + " of many words" * words_of_each] * events))
    verdicts = tuple(_verdict(name, n) for n, name in enumerate(names))
    library = tuple(_scenario(name, n, steps) for n, name in enumerate(names))
    targets = tuple((role, "sdk" if role is Role.CANDIDATE else "binary", "1.106.2") for role in Role)
    judgement = Judgement(
        folder.name, 7, 12.5, targets, library, verdicts, scenarios * steps, scenarios * steps, folder
    )
    tree = {**summary(judgement, Redaction()), "made": MADE}
    (folder / "parity.json").write_text(json.dumps(tree), encoding="utf-8")
    (reports / "latest").symlink_to(Path("runs") / folder.name)
    return folder


def measured(reports: Path, name: str, tree: dict[str, object], run: str = "20261123-080000-bbbb") -> Path:
    """One more measurement, in a run of its own."""
    folder = reports / "runs" / run
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(tree), encoding="utf-8")
    return file


def gate(**more: object) -> dict[str, object]:
    line = {
        "metric": "error rate",
        "target": "< 2 %",
        "value": 0.4,
        "unit": "%",
        "noise": 0.1,
        "verdict": "passed",
        "measured_as": "50 at once",
        "evidence": "runs/1/gate-load.json",
        "why": "",
        "beside": {"calls": 900},
    }
    ramp = {"ramp": [{"level": n, "throughput": n / 2, "ttft_p95_ms": 400.0, "holds": True} for n in (50, 75, 100)]}
    missing = {**line, "metric": "memory", "value": None, "noise": None, "verdict": "inconclusive", "beside": ramp}
    tree = {"verdict": "INCONCLUSIVE", "lines": [line, missing], "ended": None, "made": MADE, "seconds": 90.0}
    return {**tree, **more}


def load() -> dict[str, Any]:
    samples = [{"at": float(n), "rss": 300_000_000 + n, "cpu": n * 0.5, "files": 9, "threads": 9} for n in range(5)]
    metric = {"metric": "cpu", "unit": "ms/request", "baseline": 30.0, "candidate": 15.0, "ratio": 0.5, "low": 0.4}
    curve = [[0.5, 300.0], [0.9, 400.0], [0.99, 510.0], [1.0, 900.0]]
    window = {"percentiles": {"ttft": curve, "whole": curve, "itl": []}, "samples": samples, "steps": []}
    return {
        "made": MADE,
        "measured_as": {"users": 50},
        "ended": None,
        "disturbed": ["candidate: other programs used 0.41 cores"],
        "metrics": [{**metric, "high": 0.6, "noise": 0.03, "verdict": "better", "reason": None}],
        "windows": [{**window, "role": role} for role in ("baseline", "candidate", "baseline again")],
    }


def _scenario(name: str, n: int, steps: int) -> Scenario:
    covers = ("stream",) if n % 2 else ("tools", "errors")
    return Scenario(name, name.partition("/")[0], f"Title {n} {EVIL}", "scripted", covers, (Step(_request(n)),) * steps)


def _verdict(name: str, n: int) -> Verdict:
    extra = Difference("/client/0/response/headers/x-request-id", Absent.ABSENT, f"id-{n}")
    wrong = Difference("/client/0/response/body/text", EVIL, f"{EVIL} and more")
    if n == 0:
        return Verdict(name, Outcome.DIFFERENT, ((extra, REQUEST_ID),), (wrong,))
    return Verdict(name, Outcome.ALLOWED, ((extra, REQUEST_ID),)) if n % 2 else Verdict(name, Outcome.SAME)


def _request(n: int) -> Request:
    return Request("POST", "/v1/messages", (("authorization", "Bearer <key>"),), json.dumps({"n": n}).encode())


def _observation(name: str, role: Role, n: int, steps: int, words: list[str]) -> Observation:
    chunks = tuple(
        Chunk(0.02 * k, f"event: delta\ndata: {json.dumps({'text': text, 'k': k})}\n\n".encode())
        for k, text in enumerate(words)
    )
    extra = (("x-request-id", f"id-{n}"),) if role is Role.CANDIDATE and (n % 2 or n == 0) else ()
    client = Exchange(_request(n), Response(200, (*_HEADERS, *extra), chunks))
    upstream = Exchange(_request(n), Response(200, _HEADERS, chunks), 0, 0.01)
    return Observation(
        name,
        "sdk" if role is Role.CANDIDATE else "binary",
        role,
        tuple(replace(client, step=step) for step in range(steps)),
        tuple(replace(upstream, step=step) for step in range(steps)),
        Effects((1,) * steps),
    )
