"""Strategies for scenarios: whatever bytes a recording can hold."""

from __future__ import annotations

import json
import string

from hypothesis import strategies as st

from harness.model import Cut, Must, Reply, Request, Scenario, Send, Step, Wait, WaitForClient

TOKEN = st.text(string.ascii_letters + "-", min_size=1, max_size=12)
LATIN = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\x00\r\n"), max_size=20)
HEADERS = st.lists(st.tuples(TOKEN | st.sampled_from(["content-type", "Set-Cookie"]), LATIN), max_size=4).map(tuple)
TEXT = st.text(max_size=30) | st.text("ab \n\t\r:#-'\"\\{}\x85\u2028\ufeff", max_size=12)
TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(TEXT, part, max_size=3),
    max_leaves=8,
)
COMPACT = TREE.map(lambda tree: json.dumps(tree, separators=(",", ":"), ensure_ascii=False))
BODY = st.binary(max_size=30) | TEXT.map(str.encode) | COMPACT.map(str.encode) | TREE.map(json.dumps).map(str.encode)
EVENT = st.builds(lambda name, data: f"event: {name}\ndata: {data}\n\n".encode(), TOKEN, COMPACT | TEXT)
CHUNK = EVENT | st.builds(lambda data: f"data: {data}\n\n".encode(), TEXT) | st.binary(min_size=1, max_size=30)
SECONDS = st.floats(0, 10)
ACT = st.one_of(
    CHUNK.map(Send), SECONDS.map(Wait), st.integers(1, 9).map(WaitForClient), st.sampled_from([Cut("fin"), Cut("rst")])
)
REPLY = st.builds(
    lambda reply, body, acts: Reply(reply.status, reply.headers, b"" if acts is not None else body, acts, reply.before),
    st.builds(
        Reply,
        st.integers(100, 599),
        HEADERS | st.sampled_from([(("content-type", "application/json"),)]),
        before=st.lists(SECONDS.map(Wait) | st.just(Cut("rst")), max_size=2).map(tuple),
    ),
    BODY,
    st.none() | st.lists(ACT, max_size=4).map(tuple),
)
MUST = st.builds(Must, st.just("/client/0/response/status"), st.just("equals"), TREE) | st.sampled_from(
    [Must("/client/0/failure", "absent"), Must("/client/0/response/body", "matches", "a+$")]
)
REQUEST = st.builds(Request, st.sampled_from(["GET", "POST"]), st.just("/v1/messages?beta=true"), HEADERS, BODY)
STEP = st.builds(
    Step,
    REQUEST,
    st.lists(REPLY, max_size=2).map(tuple),
    st.lists(MUST, max_size=2).map(tuple),
    st.booleans(),
    st.none() | st.integers(0, 5),
)
SCENARIO = st.builds(
    Scenario,
    st.just("some-client/some-name"),
    st.just("some-client"),
    TEXT.filter(bool),
    st.sampled_from(["scripted", "recorded 2026-11-23, claude-cli 2.1.330"]),
    st.lists(TOKEN, max_size=2).map(tuple),
    st.lists(STEP, min_size=1, max_size=2).map(tuple),
    st.none() | st.just("The gateway refuses it before it calls."),
)
