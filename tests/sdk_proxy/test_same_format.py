"""The same-format path must say what LiteLLM's own says: each stream is played to both, and the bytes are compared."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import litellm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.proxy.pass_through_endpoints.streaming_handler import PassThroughStreamingHandler

from harness.model import Act, Cut, Reply, Send
from harness.upstream.app import SimulatedUpstream
from sdk_proxy.same_format import ChatEvents, Unusual
from sdk_proxy.tap import Tap
from tests.sdk_proxy.sdk import UNTIL_READ, chat, client_of, message

Object = dict[str, Any]
HEAD: Object = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "gpt-4.1-2025"}
MARKED: Object = {**HEAD, "service_tier": "default", "system_fingerprint": "fp_1", "usage": None}
ROLE: Object = {"role": "assistant", "content": "", "refusal": None}
USAGE: Object = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
}
CUT = b"cut"
DONE = "data: [DONE]\n\n"


WRITTEN = st.one_of(
    st.sampled_from(
        [b'"a"', b'""', b'"\\n"', b'"\xff"', b'"\x7f"', b'"a","b":"c"', b"null", b'"a\tb"', b'"end"}}', b"1"]
    ),
    st.text().map(lambda text: json.dumps(text, ensure_ascii=False).encode(errors="surrogatepass")),
    st.binary(max_size=5).map(lambda data: b'"%b"' % data.replace(b"\n", b"")),
)


FAULT = {"error": {"message": "boom", "type": "server_error", "code": None}}


def event(delta: Object, head: Object = MARKED, end: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end, **more}
    return f"data: {json.dumps({**head, 'choices': [choice]}, ensure_ascii=False)}\n\n"


def usage(head: Object = MARKED, **other: Any) -> str:
    return f"data: {json.dumps({**head, 'usage': {**USAGE, **other}, 'choices': []})}\n\n"


def words(*texts: str, head: Object = MARKED) -> list[str]:
    return [event(ROLE, head), *(event({"content": text}, head) for text in texts), event({}, head, "stop")]


def tool(index: int, arguments: str, **more: Any) -> Object:
    name = {"name": more.pop("name")} if "name" in more else {}
    return {"tool_calls": [{"index": index, **more, "function": {**name, "arguments": arguments}}]}


CALLED = [
    event({"role": "assistant", "content": None, "refusal": None}),
    event(tool(0, "", id="call_1", type="function", name="get_weather")),
    event(tool(0, '{"city":')),
    event(tool(0, '"Zürich"}')),
    event(tool(1, "", id="call_2", type="function", name="get_weather")),
    event(tool(1, "{}")),
    event({}, end="tool_calls"),
]
OBFUSCATED = {**MARKED, "obfuscation": "x9K"}

PLAIN: dict[str, list[Any]] = {
    "words": [*words("Hé", "llo \U0001f600", 'a "quoted" \\ line\n\x7f\u2028'), usage(), DONE],
    "no fingerprint": [*words("a", "b", head=HEAD), usage(HEAD), DONE],
    "no fingerprint, but a tier": [*words("a", "b", head={**HEAD, "service_tier": "flex"}), DONE],
    "nulls": [*words("a", head={**HEAD, "service_tier": None, "system_fingerprint": None}), DONE],
    "obfuscated": [*words("a", "b", head=OBFUSCATED), usage(OBFUSCATED), DONE],
    "obfuscated, without a fingerprint": [*words("a", head={**HEAD, "obfuscation": "x"}), DONE],
    "tools": [*CALLED, usage(), DONE],
    "a price, and no details": [*words("a"), usage(cost=0.001, prompt_tokens_details=None, cost_details={}), DONE],
    "text and a tool": [*words("a")[:2], *CALLED[1:], DONE],
    "tools without a fingerprint": [
        event(ROLE, HEAD),
        event(tool(0, "{}", id="c", name="f"), HEAD),
        event({}, HEAD, "stop"),
        DONE,
    ],
    "the limit": [*words("a")[:2], event({}, end="length"), DONE],
    "a comment": [*words("a")[:2], event({}, end="content_filter"), DONE],
}
UNUSUAL: dict[str, list[Any]] = {
    "a comment between": [words("a")[0], ": ping\n\n", *words("a")[1:], DONE],
    "crlf": [each.replace("\n\n", "\r\n\r\n") for each in [*words("a"), DONE]],
    "named events": [f"event: x\n{each}" for each in words("a")] + [DONE],
    "no space": [each.replace("data: ", "data:") for each in words("a")] + [DONE],
    "a fingerprint that is a long number": [*words("a", head={**HEAD, "system_fingerprint": 10**20}), DONE],
    "a tier that is a number": [*words("a", head={**HEAD, "service_tier": 1}), DONE],
    "no role": [event({"content": "a"}), event({}, end="stop"), DONE],
    "the role again": [event(ROLE), event({"role": "assistant", "content": "a"}), event({}, end="stop"), DONE],
    "a first word with the role": [event({**ROLE, "content": "Hi"}), event({}, end="stop"), DONE],
    "an empty word": [event(ROLE), event({"content": ""}), event({"content": "a"}), event({}, end="stop"), DONE],
    "a last word with the end": [event(ROLE), event({"content": "a"}, end="stop"), DONE],
    "an end with an empty word": [event(ROLE), event({"content": "a"}), event({"content": ""}, end="stop"), DONE],
    "a refusal": [event(ROLE), event({"refusal": "No"}), event({}, end="stop"), DONE],
    "reasoning": [
        event(ROLE),
        event({"reasoning_content": "hm"}),
        event({"content": "a"}),
        event({}, end="stop"),
        DONE,
    ],
    "a number that is too long for most": [*words("a")[:1], *words("a", head={**MARKED, "n": 10**22})[1:], DONE],
    "logprobs": [event(ROLE), event({"content": "a"}, logprobs={"content": []}), event({}, end="stop"), DONE],
    "another choice": [event(ROLE), event({"content": "a"}, index=1), event({}, end="stop"), DONE],
    "a choice whose number is false": [event(ROLE), event({"content": "a"}, index=False), event({}, end="stop"), DONE],
    "a choice whose number is a fraction": [
        event(ROLE),
        event({"content": "a"}, index=0.0),
        event({}, end="stop"),
        DONE,
    ],
    "a tool whose number is true": [event(ROLE), event(tool(True, "{", id="c", name="f")), event({}, end="stop"), DONE],
    "a function": [
        event(ROLE),
        event({"function_call": {"name": "f", "arguments": "{"}}),
        event({}, end="function_call"),
        DONE,
    ],
    "the same again and again": [*words(*["same"] * 130), DONE],
    "usage with every event": [*words("a", head={**MARKED, "usage": USAGE}), DONE],
    "tokens that are no number": [*words("a"), usage(prompt_tokens={"odd": 1}), DONE],
    "details that are no number": [*words("a"), usage(prompt_tokens_details={"audio_tokens": []}), DONE],
    "details of nothing": [*words("a"), usage(prompt_tokens_details=[]), DONE],
    "half a token": [*words("a"), usage(completion_tokens=1.5), DONE],
    "more words after the end": [*words("a"), event({"content": "b"}), DONE],
    "an error": [*words("a")[:2], 'data: {"error": {"message": "boom", "type": "server_error", "code": null}}\n\n'],
    "an error beside words": [*words("a", "b")[:3], event({"content": "d"}, MARKED | FAULT), *words("e")[1:], DONE],
    "an error beside words, without a fingerprint": [
        *words("a", head=HEAD)[:2],
        event({"content": "b"}, HEAD | FAULT),
        *words("c", head=HEAD)[1:],
        DONE,
    ],
    "an error that is a text": [
        *words("a")[:2],
        event({"content": "b"}, MARKED | {"error": "x"}),
        *words("c")[1:],
        DONE,
    ],
    "no error": [*words("a")[:2], event({"content": "b"}, MARKED | {"error": None}), *words("c")[1:], DONE],
    "an error beside the usage": [*words("a"), usage(MARKED | FAULT), DONE],
    "sources": [*words("a")[:2], event({"content": "b"}, MARKED | {"citations": ["x"]}), *words("c")[1:], DONE],
    "fields of LiteLLM's own": [
        *words("a")[:2],
        event({"content": "b"}, MARKED | {"provider_specific_fields": {"a": 1}}),
        *words("c")[1:],
        DONE,
    ],
    "an error at once": ['data: {"error": {"message": "boom", "type": "server_error", "code": null}}\n\n'],
    "no end": [*words("a")[:2], DONE],
    "no end, and usage": [*words("a")[:2], usage(), DONE],
    "no end of a tool call": [*CALLED[:-1], DONE],
    "an end of no letter": [*words("a")[:2], event({}, end=""), DONE],
    "no done": words("a"),
    "truncated": [*words("a")[:2], 'data: {"id": "chat'],
    "nothing": [],
    "only done": [DONE],
    "not json": [*words("a")[:2], "data: {oops\n\n", DONE],
    "half a character": [
        *words("a")[:1],
        event({"content": "\\ud83d"}).replace("\\\\", "\\"),
        event({}, end="stop"),
        DONE,
    ],
    "cut": [*words("a")[:2], CUT],
    "cut after the end": [*words("a"), CUT],
    "cut after done": [*words("a"), DONE, CUT],
    "cut before a word": [CUT],
}


def sent(pieces: list[Any]) -> tuple[Act, ...]:
    """A cut comes when all that was sent before is read."""
    return tuple(act for piece in pieces for act in _acts(piece))


def _acts(piece: Any) -> tuple[Act, ...]:
    if piece is CUT:
        return *UNTIL_READ, Cut("rst")
    return (Send(piece if isinstance(piece, bytes) else piece.encode()),)


@contextmanager
def somebody_reads() -> Iterator[None]:
    """A callback of a configuration: the door stays shut."""
    lists = [getattr(litellm, name) for name in dir(litellm) if name.endswith("_callback") or name == "callbacks"]
    before = [(each, list(each)) for each in lists if isinstance(each, list)]
    litellm.callbacks.append(CustomLogger())
    try:
        yield
    finally:
        for each, entries in before:  # LiteLLM copies it from one list into the others
            each[:] = entries


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What LiteLLM's own streams are made of, in either protocol."""
    seen: list[Any] = []
    chunk_creator, chunk_processor = CustomStreamWrapper.chunk_creator, PassThroughStreamingHandler.chunk_processor

    def creating(self: Any, chunk: Any) -> Any:
        seen.append(chunk)
        return chunk_creator(self, chunk)

    def processing(*args: Any, **named: Any) -> Any:
        async def pieces() -> Any:
            async for piece in chunk_processor(*args, **named):
                seen.append(piece)
                yield piece

        return pieces()

    with monkeypatch.context() as patch:
        patch.setattr(CustomStreamWrapper, "chunk_creator", creating)
        patch.setattr(PassThroughStreamingHandler, "chunk_processor", staticmethod(processing))
        yield seen


async def answered(client: httpx.AsyncClient, path: str, body: Object) -> tuple[int, str]:
    answer = await client.post(path, json=body)
    text = re.sub(r'"created": ?\d+', '"created":0', answer.text)
    text = re.sub(r"chatcmpl-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "chatcmpl-litellm", text)
    return answer.status_code, re.sub(r'"cost": ?[\d.e-]+', '"cost":0', text)


Told = dict[str, tuple[int, str]]


async def both(path: str, body: Object, streams: dict[str, list[Any]]) -> tuple[Told, Told]:
    """What the client sees of each stream by the same-format path, and by LiteLLM's own."""
    current: list[Any] = []
    content = (("content-type", "text/event-stream"),)
    fast, slow = Told(), Told()
    upstream = SimulatedUpstream(improvise=lambda _: Reply(200, content, acts=sent(current)), gap=0)
    settings = {"num_retries": 1, "disable_cooldowns": True}
    async with upstream, client_of(upstream, router_settings=settings) as client:
        for name, pieces in streams.items():
            current[:] = pieces
            fast[name] = await answered(client, path, body)
        with somebody_reads():
            for name, pieces in streams.items():
                current[:] = pieces
                slow[name] = await answered(client, path, body)
    return fast, slow


@pytest.mark.parametrize("with_usage", [False, True])
async def test_a_chat_reads_as_litellm_would_have_written_it(with_usage: bool) -> None:
    asked = {"stream_options": {"include_usage": True}} if with_usage else {}
    fast, slow = await both("/v1/chat/completions", chat("gpt-4.1", stream=True, **asked), PLAIN | UNUSUAL)
    assert fast == slow


async def test_no_object_of_litellm_s_is_made_for_plain_events(monkeypatch: pytest.MonkeyPatch) -> None:
    with counted(monkeypatch) as seen:
        await both("/v1/chat/completions", chat("gpt-4.1", stream=True), PLAIN)
    assert len(seen) == sum(each != DONE for events in PLAIN.values() for each in events)  # the slow way's only


START = (
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    '"model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,'
    '"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
)
PING = 'event: ping\ndata: {"type": "ping"}\n\n'
BLOCK = (
    'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    '"content_block":{"type":"text","text":""}}\n\n'
)
WORD = (
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    '"delta":{"type":"text_delta","text":"Hé \U0001f600"}}\n\n'
)
ENDS = (
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    '"usage":{"output_tokens":9}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)
ERROR = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
PLAIN_MESSAGES: dict[str, list[Any]] = {
    "a message": [START, BLOCK, PING, WORD, WORD, ENDS],
    "pings before words": [START, PING, BLOCK, PING, WORD, PING, ENDS],
    "in one piece": [START + BLOCK + WORD + ENDS],
    "crlf": [(START + BLOCK + WORD + ENDS).replace("\n", "\r\n")],
    "a comment": [START, BLOCK, ": hm\n\n", WORD, ENDS],
    "line separators": [START, BLOCK, WORD.replace("Hé", "a\u2028b\u2029c\x85d"), WORD, ENDS],
    "words about errors": [START, BLOCK, WORD.replace("Hé", r"{\"type\":\"error\"}, a refusal"), WORD, ENDS],
}
UNUSUAL_MESSAGES: dict[str, list[Any]] = {
    "a message of nothing": [START, ENDS],
    "an error at once": [ERROR],
    "an error before words": [START, BLOCK, ERROR],
    "an error after words": [START, BLOCK, WORD, ERROR],
    "an error without a name": [START, BLOCK, WORD, ERROR.partition("\n")[2]],
    "an error with spaces": [START, BLOCK, WORD, ERROR.replace('"type":"error"', '"type" : "error"')],
    "a refusal": [START, ENDS.replace("end_turn", "refusal")],
    "truncated": [START, BLOCK, WORD],
    "truncated before words": [START],
    "a reason to stop, and no more": [START, BLOCK, WORD, ENDS.partition("event: message_stop")[0]],
    "truncated in the reason to stop": [START, BLOCK, WORD, ENDS.partition(',"usage"')[0]],
    "cut": [START, BLOCK, WORD, CUT],
    "cut before words": [START, CUT],
    "nothing": [],
    "no start": [WORD, ENDS],
}


async def test_a_message_reads_as_litellm_would_have_passed_it_on() -> None:
    streams = PLAIN_MESSAGES | UNUSUAL_MESSAGES
    fast, slow = await both("/v1/messages", message("claude-sonnet-4-5", stream=True), streams)
    assert fast == slow


async def test_litellm_reads_no_plain_message(monkeypatch: pytest.MonkeyPatch) -> None:
    with counted(monkeypatch) as seen:
        await both("/v1/messages", message("claude-sonnet-4-5", stream=True), PLAIN_MESSAGES)
    whole = "".join(piece for pieces in PLAIN_MESSAGES.values() for piece in pieces)
    assert b"".join(seen) == whole.encode()  # the slow way's only


async def test_pieces_that_tear_events_apart_change_nothing() -> None:
    for path, body, events in (
        ("/v1/messages", message("claude-sonnet-4-5", stream=True), PLAIN_MESSAGES["a message"]),
        ("/v1/chat/completions", chat("gpt-4.1", stream=True), PLAIN["words"]),
    ):
        data = "".join(events).encode()
        torn = {str(size): [data[i : i + size] for i in range(0, len(data), size)] for size in (1, 7)}
        fast, slow = await both(path, body, torn)
        assert fast == slow and fast["1"] == fast["7"] and fast["1"][0] == 200


async def test_what_came_before_an_unusual_event_in_the_same_piece_is_told() -> None:
    """Nothing is learnt of streams that begin like this: each is met for the first time."""
    names = ("a number that is too long for most", "logprobs", "not json", "half a character", "no end")
    in_one_piece = {name: ["".join(UNUSUAL[name])] for name in names}
    fast, slow = await both("/v1/chat/completions", chat("gpt-4.1", stream=True), in_one_piece)
    assert fast == slow


PADDING = st.sampled_from(
    [b'"x9"', b'"A"', b'"0aZ"', b'""', b'"a b"', b'"a\\""', b'"\xc3\xa9"', b"null", b'{"obfuscation":"b"}']
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(WRITTEN, PADDING), max_size=6), st.sampled_from([HEAD, MARKED]), st.booleans())
async def test_an_event_in_the_form_of_the_last_one_is_told_as_if_it_were_the_first(
    texts: list[tuple[bytes, bytes]], head: Object, padded: bool
) -> None:
    """What only blanks tell from it is never of that form."""
    start, *_, end = words(head=head)
    empty = compact(event({}, head)).encode()
    said = [empty.replace(b'"delta":{}', b'"delta":{"content":%b}' % text) for text, _ in texts]
    if padded:
        said = [obfuscated(each, padding) for each, (_, padding) in zip(said, texts, strict=True)]
    spaced = [each.replace(b'"delta":{"', b'"delta": {"') for each in said]
    assert await told(start, *said, end) == await told(start, *spaced, end)


@pytest.mark.parametrize("head", [HEAD, MARKED])
@pytest.mark.parametrize("padded", [False, True])
async def test_words_in_the_form_of_the_last_ones_are_not_read(
    head: Object, padded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    choice = ChatEvents._choice

    def noted(said: ChatEvents, each: Any) -> Any:
        read.append(each)
        return choice(said, each)

    monkeypatch.setattr(ChatEvents, "_choice", noted)
    said = [compact(each).encode() for each in words("a", "b", "é", "d", head=head)]
    if padded:
        said = [obfuscated(each, b'"x%d"' % number) for number, each in enumerate(said)]
    events, given_up = await told(*said)
    assert len(events) == 6 and not given_up
    assert [each["delta"].get("content") for each in read] == ["", "a", None]


async def test_a_stream_that_repeats_itself_is_litellm_s_to_end_in_whatever_form_it_comes() -> None:
    again = words(*["the same"] * litellm.REPEATED_STREAMING_CHUNK_LIMIT)
    assert (await told(*again))[1] and await told(*map(compact, again)) == await told(*again)
    assert not (await told(*map(compact, again[:2] + again[3:])))[1]


def compact(text: str) -> str:
    """As providers write an event: without a blank."""
    return f"data: {json.dumps(json.loads(text[6:]), ensure_ascii=False, separators=(',', ':'))}\n\n"


def obfuscated(event: bytes, padding: bytes) -> bytes:
    """As OpenAI's."""
    return event.replace(b"}\n\n", b',"obfuscation":%b}\n\n' % padding)


async def told(*pieces: str | bytes) -> tuple[list[bytes], bool]:
    """The events, and whether they were given up."""
    found: list[bytes] = []
    encoded = [piece.encode() if isinstance(piece, str) else piece for piece in (*pieces, DONE)]
    said = ChatEvents("gpt", tells_usage=False)
    try:
        async for piece in said.of(Tap(Pieces(encoded, None))):
            found.append(re.sub(rb'"created":\d+', b"", piece))
    except Unusual:
        return found, True
    return found, False


class Pieces(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes], failure: Exception | None) -> None:
        self.pieces, self.failure, self.closed = pieces, failure, False

    async def __aiter__(self) -> Any:
        for piece in self.pieces:
            yield piece
        if self.failure:
            raise self.failure

    async def aclose(self) -> None:
        self.closed = True


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1), max_size=8), st.integers(0, 9), st.booleans())
async def test_who_comes_after_gets_every_piece_and_the_same_failure(
    pieces: list[bytes], read: int, fails: bool
) -> None:
    stream = Pieces(pieces, httpx.ReadError("gone") if fails else None)
    tap = Tap(stream)
    first: list[bytes] = []
    try:
        for _ in range(read):
            first.append(await tap.read())
            if not first[-1]:
                break
    except httpx.ReadError:
        assert fails
    again: list[bytes] = []
    try:
        async for piece in tap:
            again.append(piece)
        assert not fails
    except httpx.ReadError:
        assert fails
    assert again == pieces and [piece for piece in first if piece] == pieces[: len([p for p in first if p])]
    await tap.aclose()
    assert stream.closed
