from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import Exchange, Failure, Reply, Request, Scenario, Send, Step, WaitForClient
from harness.traffic.scrub import credentials, scrub
from tests.harness.traffic.nouns import HEADERS, SCENARIO

SECRET = st.from_regex(r"[a-z]{3}[A-Z][a-z0-9]{12}", fullmatch=True)
WORDS = st.lists(
    st.from_regex(r"[a-z]{2,9}|[A-Z][a-z]{3,5}|[äöü]{3}|[日月火]{2}|[,.!?]|\d{1,9}", fullmatch=True), max_size=12
)


def scenario(request: Request, *replies: Reply) -> Scenario:
    return Scenario("client/name", "client", "title", "scripted", (), (Step(request, replies),))


def scrubbed(request: Request, *replies: Reply, keep_text: bool = False) -> Step:
    return scrub([scenario(request, *replies)], b"key", keep_text)[0].steps[0]


def scrubbed_tree(tree: Any) -> Any:
    return json.loads(scrubbed(Request("POST", "/", (), json.dumps(tree).encode())).request.body)


def post(tree: object) -> Request:
    return Request("POST", "/v1/messages", (), json.dumps(tree).encode())


@given(
    SECRET,
    st.booleans(),
    st.sampled_from(["authorization", "X-Api-Key", "x-goog-api-key", "Api-Key", "x-Secret-Token", "x-gateway-auth"]),
)
def test_a_credential_is_in_no_output_wherever_it_stood(secret: str, keep_text: bool, name: str) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": f"my key is {secret}."}], secret: {"model": secret}})
    request = Request(
        "POST", f"/v1/x?key={secret}&a=1", ((name, f"Bearer {secret}"), ("x-other", secret)), body.encode()
    )
    reply = Reply(401, (("x-echo", secret),), f"<html>no such key: {secret}</html>".encode())
    stream = Reply(acts=(Send(f"data: {secret[:5]}".encode()), Send(f"{secret[5:]}\n\n".encode())))
    step = scrubbed(request, reply, stream, keep_text=keep_text)
    whole = repr(step) + repr(b"".join(act.data for act in step.replies[1].acts or () if isinstance(act, Send)))
    assert secret not in whole
    assert step.request.headers[0] == (name, "Bearer <key>")
    assert step.request.path == "/v1/x?key=<key>&a=1"


@given(SECRET)
def test_a_secret_that_is_given_is_replaced_even_where_the_text_is_kept(secret: str) -> None:
    step = scrub([scenario(post({"content": f"a {secret} b"}))], b"key", True, [secret])[0].steps[0]
    assert secret.encode() not in step.request.body


@given(st.from_regex(r"[a-zäß]{6,14}", fullmatch=True))
def test_no_word_of_a_prompt_a_tool_result_or_an_answer_is_left(word: str) -> None:
    text = f"Please, {word.title()} the {word} at /home/{word}/{word}.py, {word}@{word}.com <{word}> (see https://{word}.org)"
    request = post(
        {
            "system": [{"type": "text", "text": text}],
            "messages": [
                {"role": "user", "content": text},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"a": text}}],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": text}]},
            ],
            "tools": [
                {"name": "Bash", "description": text, "input_schema": {"properties": {"a": {"description": text}}}}
            ],
        }
    )
    answer = Reply(200, (), json.dumps({"content": [{"type": "text", "text": text}], "role": "assistant"}).encode())
    step = scrubbed(request, answer)
    assert word not in json.loads(json.dumps(step.request.body.decode() + step.replies[0].body.decode())).lower()


@settings(max_examples=60, deadline=None)
@given(SCENARIO, HEADERS)
def test_whatever_was_recorded_keeps_its_structure_and_its_sizes(one: Scenario, headers: Any) -> None:
    result = scrub([one], b"key", accept_malformed=True)[0]
    for before, after in zip(one.steps, result.steps, strict=True):
        assert [name for name, _ in before.request.headers] == [name for name, _ in after.request.headers]
        assert len(before.request.body) == len(after.request.body)
        for old, new in zip(before.replies, after.replies, strict=True):
            assert len(old.body) == len(new.body)
            assert [_size(act) for act in old.acts or ()] == [_size(act) for act in new.acts or ()]
    assert scrub([one], b"key", accept_malformed=True)[0] == result


def _size(act: object) -> object:
    return len(act.data) if isinstance(act, Send) else act


def test_the_protocol_stays_as_it_was() -> None:
    tree = {
        "model": "claude-sonnet-5",
        "stream": True,
        "tools": [
            {
                "name": "Bash",
                "description": "Run it",
                "input_schema": {
                    "type": "object",
                    "properties": {"description": {"type": "string", "enum": ["slow", "fast"], "description": "How"}},
                    "required": ["description"],
                },
            }
        ],
        "tool_choice": {"type": "tool", "name": "Bash"},
        "thinking": {"type": "adaptive", "display": "omitted"},
        "system": [
            {"type": "text", "text": "<env>Hello</env>", "cache_control": {"type": "ephemeral"}},
        ],
    }
    kept = scrubbed_tree(tree)
    assert kept["tools"][0]["description"] != "Run it"
    kept["tools"][0]["description"] = "Run it"
    assert kept["tools"][0]["input_schema"]["properties"]["description"]["description"] != "How"
    kept["tools"][0]["input_schema"]["properties"]["description"]["description"] = "How"
    assert re.fullmatch("<env>[A-Z][a-z]{4}</env>", kept["system"][0]["text"])
    kept["system"][0]["text"] = "<env>Hello</env>"
    assert kept == tree


def test_an_id_has_one_stand_in_of_its_shape_wherever_it_stands() -> None:
    session, device = "dc233849-95b6-46d6-a3e4-07000bc2163f", "32c3e0b2" * 8
    user = json.dumps({"device_id": device, "account_uuid": "", "session_id": session}, separators=(",", ":"))
    request = replace(
        post({"metadata": {"user_id": user}, "text": f"see {session}"}), headers=(("X-Session-Id", session),)
    )
    step = scrubbed(request)
    tree = json.loads(step.request.body)
    ids = json.loads(tree["metadata"]["user_id"])
    assert session not in repr(step)
    assert device not in repr(step)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ids["session_id"])
    assert re.fullmatch(r"[0-9a-f]{64}", ids["device_id"])
    assert ids["account_uuid"] == ""
    assert step.request.headers[0][1] == ids["session_id"]
    assert tree["text"].endswith(ids["session_id"])


def test_what_gemini_signed_is_the_same_in_the_id_of_a_call_and_beside_it() -> None:
    signature, call = "EqQBCkYIB0123456789abcdefg==", "call_0123456789abcdef"
    tree = scrubbed_tree({"tool_call_id": f"{call}__thought__{signature}", "thoughtSignature": signature, "id": call})
    assert tree["tool_call_id"] == f"{tree['id']}__thought__{tree['thoughtSignature']}"
    assert signature not in json.dumps(tree)


def test_different_ids_stay_different_and_keep_their_prefix() -> None:
    ids = ["toolu_01AbCdEfGhIjKlMn", "toolu_01AbCdEfGhIjKlMo", "msg_01AbCdEfGhIjKlMn", "call_1", "call_2"]
    kept = [block["id"] for block in scrubbed_tree([{"id": one} for one in ids])]
    assert len(set(kept)) == 5
    assert [one.split("_")[0] for one in kept] == ["toolu", "toolu", "msg", "call", "call"]
    assert kept[3:] == ["call_1", "call_2"]
    assert "AbCdEf" not in repr(kept)


@given(WORDS, st.lists(st.integers(0, 60), max_size=6))
def test_a_streamed_text_is_scrubbed_as_the_whole_that_it_will_be(words: list[str], cuts: list[int]) -> None:
    text = " ".join(words)
    borders = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[begin:end] for begin, end in pairwise(borders)]
    events = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}} for one in pieces
    ]
    chat = [{"choices": [{"index": 0, "delta": {"content": one}}]} for one in pieces]
    gemini = [{"candidates": [{"content": {"parts": [{"text": one}], "role": "model"}}]} for one in pieces]
    whole = scrubbed_tree({"content": text})["content"]
    assert "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in _stream(gemini)) == whole
    assert "".join(event["delta"]["text"] for event in _stream(events)) == whole
    assert "".join(event["choices"][0]["delta"]["content"] for event in _stream(chat)) == whole


def test_streamed_arguments_of_a_tool_keep_their_keys() -> None:
    text = '{"command": "echo hello", "timeout": 1200}'
    pieces = [text[:6], text[6:20], text[20:]]
    events = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": one}}
        for one in pieces
    ]
    joined = "".join(event["delta"]["partial_json"] for event in _stream(events))
    assert joined == json.dumps({"command": scrubbed_tree({"text": "echo hello"})["text"], "timeout": 1200})
    assert "echo" not in joined


def _stream(trees: list[Any]) -> list[Any]:
    """The trees, after they went through as one stream of an event each."""
    sends = tuple(Send(b"data: " + json.dumps(tree).encode() + b"\n\n") for tree in trees)
    acts = scrubbed(Request("POST", "/"), Reply(acts=sends)).replies[0].acts or ()
    return [json.loads(act.data.removeprefix(b"data: ")) for act in acts if isinstance(act, Send)]


def test_waits_and_borders_of_chunks_within_an_event_stay() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
    acts = (Send(event[:30]), WaitForClient(1), Send(event[30:]), Send(b"data: [DONE]\n\n"))
    kept = scrubbed(Request("POST", "/"), Reply(acts=acts)).replies[0].acts
    assert kept is not None
    assert [_size(act) for act in kept] == [_size(act) for act in acts]
    assert kept[3] == acts[3]
    assert b"Hello" not in kept[0].data + kept[2].data  # type: ignore[union-attr]


@pytest.mark.parametrize("message", ["prompt is too long: 210000 tokens > 200000 maximum", "Overloaded"])
def test_what_an_error_says_stays_because_clients_act_upon_it(message: str) -> None:
    body = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": message}}).encode()
    assert scrubbed(Request("POST", "/"), Reply(529, (), body)).replies[0].body == body
    sent = (Send(b"event: error\ndata: " + body + b"\n\n"),)
    assert scrubbed(Request("POST", "/"), Reply(acts=sent)).replies[0].acts == sent


def test_cookies_keep_their_names_and_shape() -> None:
    request = Request("GET", "/", (("Cookie", "__cf_bm=Ab12.x-9; sid=secretvalue"),))
    reply = Reply(200, (("set-cookie", "__cf_bm=Ab12.x-9; path=/; HttpOnly; Domain=.anthropic.com"),))
    step = scrubbed(request, reply)
    value = step.request.headers[0][1]
    assert re.fullmatch(r"__cf_bm=[A-Z][a-z]\d\d\.[a-z]-\d; sid=[a-z]{11}", value)
    assert "secretvalue" not in value
    assert step.replies[0].headers[0][1] == f"{value.split(';')[0]}; path=/; HttpOnly; Domain=.anthropic.com"


def test_with_the_text_kept_language_stays_and_owners_do_not() -> None:
    text = (
        "Mail bob.smith@corp.example.com about /home/bobby/a.py on build7.corp.internal and sk-proj-abcdefghijklmnop12"
    )
    body = scrubbed(post({"content": text}), keep_text=True).request.body.decode()
    assert "about" in body
    assert not re.search("bob|smith|example|bobby|build7|abcdefgh", body)


@pytest.mark.parametrize("name", ["anthropic-ratelimit-tokens-limit", "x-ratelimit-remaining-tokens", "author"])
def test_a_header_that_only_sounds_like_a_credential_stays(name: str) -> None:
    request = Request("GET", "/", ((name, "4000"),))
    assert scrubbed(request).request.headers == ((name, "4000"),)


def test_another_key_gives_other_stand_ins() -> None:
    one = scenario(post({"content": "What is the meaning of this?"}))
    assert scrub([one], b"key") != scrub([one], b"other key")


def test_the_credentials_of_exchanges_are_those_of_headers_and_queries() -> None:
    exchange = Exchange(
        Request("GET", "/?key=one", (("Authorization", "Bearer two"), ("x-api-key", "three"))), Failure("refused", "")
    )
    assert credentials([exchange]) == {"one", "two", "three"}
