"""Whatever the spelling of JSON is, and wherever it stands, only the characters of human text are replaced."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.event_stream import parse
from harness.model import Headers, Reply, Request, Scenario, Send, Step
from harness.traffic.scrub import scrub
from tests.harness.traffic.json_spellings import CONTAINER, TREE, around_strings, shape, spell, strings, words

SECRET = "Zq7Secret-0123456789"
JSON_TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/problem+json",
        "text/json",
        "Application/JSON",
        "application/vnd.api+json",
    ]
)
LINES_TYPES = st.sampled_from(["application/x-ndjson", "application/jsonl", "application/json", "application/json-seq"])
STREAM: Headers = (("Content-Type", "text/event-stream; charset=utf-8"),)


def scrub_step(request: Request, *replies: Reply) -> Step:
    key = (("x-api-key", SECRET),)
    sent = Request(request.method, request.path, (*request.headers, *key), request.body)
    scenario = Scenario("client/name", "client", "title", "scripted", (), (Step(sent, replies),))
    return scrub([scenario], b"key")[0].steps[0]


def scrub_json(body: bytes, content_type: str | None = "application/json") -> bytes:
    headers: Headers = () if content_type is None else (("content-type", content_type),)
    step = scrub_step(Request("POST", "/v1/messages", headers, body), Reply(200, headers, body))
    assert step.request.body == step.replies[0].body
    return step.request.body


def scrub_sse(data: bytes, cuts: list[int]) -> bytes:
    borders = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    acts = tuple(Send(data[begin:end]) for begin, end in pairwise(borders))
    after = scrub_step(Request("POST", "/"), Reply(200, STREAM, acts=acts)).replies[0].acts or ()
    sizes = [len(act.data) for act in after if isinstance(act, Send)]
    assert sizes == [len(act.data) for act in acts]
    return b"".join(act.data for act in after if isinstance(act, Send))


def require_only_text_replaced(before: str, after: str, trees: list[Any]) -> None:
    assert around_strings(after) == around_strings(before)
    assert len(after.encode()) == len(before.encode())
    readable = _said(after)
    for tree in trees:
        assert not {word for word in words(tree) if word in readable}
    assert SECRET not in readable


def _said(text: str) -> str:
    """What the strings of a text of JSON say, however that is spelled."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"', text, flags=re.DOTALL)
    return "\n".join(json.loads(f'"{each}"', strict=False) for each in found)


def with_secret(tree: Any) -> Any:
    return [tree, {"content": f"my key is {SECRET}."}["content"]]


@settings(max_examples=150, deadline=None)
@given(TREE, st.randoms(use_true_random=False), JSON_TYPES | st.none(), st.sampled_from(["", "\ufeff"]))
def test_a_body_keeps_everything_but_human_text(tree: Any, random: Random, kind: str | None, bom: str) -> None:
    text = bom + spell(with_secret(tree), random)
    after = scrub_json(text.encode(), kind).decode()
    assert shape(after.removeprefix(bom)) == shape(text.removeprefix(bom))
    require_only_text_replaced(text, after, [tree])


@settings(max_examples=60, deadline=None)
@given(st.lists(TREE, min_size=1, max_size=4), st.randoms(use_true_random=False), LINES_TYPES, st.booleans())
def test_so_do_lines_of_json(trees: list[Any], random: Random, kind: str, has_separators: bool) -> None:
    begin = "\x1e" if has_separators else ""
    lines = [begin + spell(with_secret(tree), random, " \t") for tree in trees]
    text = random.choice(("\n", "\r\n", "\n\n")).join(lines) + random.choice(("", "\n"))
    after = scrub_json(text.encode(), kind).decode()
    values = [line for line in re.split(r"[\r\n]+", after) if line]
    assert [shape(line.removeprefix(begin)) for line in values] == [shape(line.removeprefix(begin)) for line in lines]
    require_only_text_replaced(text, after, trees)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(TREE, min_size=1, max_size=4),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 9999), max_size=9),
)
def test_so_do_events_however_they_are_written_and_cut(trees: list[Any], random: Random, cuts: list[int]) -> None:
    texts = [spell(with_secret(tree), random, " \t\n") for tree in trees]
    data = "".join(_event(text, random) for text in texts)
    data += random.choice(("", "data: [DONE]\n\n", ": keep-alive\n\n", "data: [DONE]", "data"))
    after = scrub_sse(data.encode(), cuts).decode()
    again = [event.data for event in parse(after.encode())[0]]
    assert [shape(text) for text in again[: len(texts)]] == [shape(text) for text in texts]
    assert again[len(texts) :] == [event.data for event in parse(data.encode())[0]][len(texts) :]
    require_only_text_replaced(data, after, trees)


def _event(text: str, random: Random) -> str:
    lines = [f"data:{random.choice((' ', ''))}{line}" for line in text.split("\n")]
    lines.insert(random.randrange(len(lines) + 1), random.choice((": ping", ":", "event: message", "retry: 10")))
    end = random.choice(("\n", "\r\n", "\r"))
    return "".join(line + end for line in (*lines, ""))


@settings(max_examples=60, deadline=None)
@given(CONTAINER, st.randoms(use_true_random=False))
def test_json_in_a_text_keeps_its_spelling_too(tree: Any, random: Random) -> None:
    inner = spell(tree, random)
    outer = {"arguments": inner, "user_id": inner, "content": inner}
    text = spell(("object", [*outer.items()]), random)
    after = dict(json.loads(scrub_json(text.encode())))
    for name in ("arguments", "content"):
        assert shape(after[name]) == shape(inner)
        require_only_text_replaced(inner, after[name], [tree])
    assert around_strings(after["user_id"]) == around_strings(inner)


@settings(max_examples=60, deadline=None)
@given(CONTAINER, st.randoms(use_true_random=False), st.lists(st.integers(0, 999), max_size=6), st.integers(0, 3))
def test_arguments_that_are_streamed_in_pieces_keep_theirs(
    tree: Any, random: Random, cuts: list[int], kind: int
) -> None:
    text = spell(tree, random)
    borders = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[begin:end] for begin, end in pairwise(borders)]
    wrap, unwrap = PIECES[kind]
    data = "".join(f"data: {json.dumps(wrap(piece))}  \n\n" for piece in pieces)
    after = parse(scrub_sse(data.encode(), cuts))[0]
    joined = "".join(unwrap(json.loads(event.data)) for event in after)
    assert shape(joined) == shape(text)
    require_only_text_replaced(text, joined, [tree])


PIECES: list[tuple[Any, Any]] = [
    (
        lambda p: {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": p}},
        lambda e: e["delta"]["partial_json"],
    ),
    (
        lambda p: {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": p}}]}}]},
        lambda e: e["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"],
    ),
    (
        lambda p: {"choices": [{"index": 0, "delta": {"function_call": {"arguments": p}}}]},
        lambda e: e["choices"][0]["delta"]["function_call"]["arguments"],
    ),
    (
        lambda p: {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": p},
        lambda e: e["delta"],
    ),
]


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"message_stop"     }',
        '{\n  "stop_reason": null,\n  "usage": {\n    "input_tokens": 9\n  }\n}\n',
        "\t[ 1.0 , -0 , 1e3 , 123456789012345678901234567890 , true ]\r\n",
        '{"model":"a","model":"gpt-4.1"}',
        '{"m\\u006fdel":"gpt\\u002d4.1"}',
        "null",
        '{"a":1}\n{"a":2}\n',
    ],
)
def test_protocol_stays_byte_for_byte(text: str) -> None:
    assert scrub_json(text.encode()) == text.encode()
    data = "".join(f"data: {line}\n" for line in text.splitlines()).encode() + b"\n"
    if "\n{" not in text:
        assert scrub_sse(data, [3, 17]) == data


@pytest.mark.parametrize("gap", ["\u00a0", "\u200b", "\u200d", "  ", "\u2028", "\ufeff", "\u00ad", "\n\n", "\t"])
def test_characters_between_words_stay(gap: str) -> None:
    text = f"{gap}Good{gap}morning{gap}"
    for spelled in (json.dumps([text]), json.dumps([text], ensure_ascii=False)):
        after = scrub_json(spelled.encode()).decode()
        (said,) = json.loads(after)
        assert re.sub(r"[A-Za-z]", "x", said) == re.sub(r"[A-Za-z]", "x", text)
        assert len(after) == len(spelled) and "morning" not in after


@pytest.mark.parametrize(
    "text",
    ["cafe\u0301 na\u0308ive", "\u212bngstr\u00f6m", "\uff46\uff55\uff4c\uff4c", "\u1112\u1161\u11ab\u1100\u1173"],
)
def test_what_normalisation_would_change_it_still_would(text: str) -> None:
    from unicodedata import normalize

    (said,) = json.loads(scrub_json(json.dumps([text]).encode()))
    assert said != text and len(said.encode()) == len(text.encode())
    for form in ("NFC", "NFKC"):
        assert (normalize(form, said) == said) == (normalize(form, text) == text)


def test_bytes_that_are_not_utf8_stay_bytes_of_a_json_string() -> None:
    body = b'{"model":"gpt-4.1","content":"Guten Morgen M\xfcller \xc4\xe3\xba\xc3\xc4\xe3"}'
    after = scrub_json(body)
    assert after.startswith(b'{"model":"gpt-4.1","content":"') and after.endswith(b'"}') and len(after) == len(body)
    assert b"Morgen" not in after and b"\xc4\xe3\xba\xc3" not in after and b"\xfc" in after


def test_the_words_of_the_strategies_are_found_where_nothing_is_scrubbed() -> None:
    tree = ["Freundlich", ("object", [("content", "日月火日月火日月")])]
    with pytest.raises(AssertionError):
        require_only_text_replaced(text := spell(tree, Random(1)), text, [tree])
    assert len(words(tree)) == len(strings(tree)) == 2
