"""What the upstream answers to a call of the fast path's test: as a provider does, or with something odd in it."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from harness.model import Act, Cut, Headers, Reply, Send
from harness.trials.fast_path.calls import Draft, Draw, Provider, values
from harness.trials.fast_path.spelled import SPELLINGS, Repeated, Spelled, places_of, to_bytes
from harness.upstream import anthropic_wire, gemini_wire, openai_wire

STATUSES = (401, 403, 404, 429, 500, 503, 529, 400, 413, 422, 204, 302)
_WORDS = ("A short answer that stands for any other.", "Yes.", "ab", "é😀 \u2028", "no no no no no", " ")
_ARGUMENTS = {"city": "Rome"}
_JSON, _EVENTS = ("content-type", "application/json"), ("content-type", "text/event-stream; charset=utf-8")
_CONTENT_TYPES = (
    "application/json; charset=utf-8",
    "application/json ",
    "text/event-stream",
    "Text/Event-Stream",
    "text/plain",
    "text/html",
    "",
)
_HEADERS: tuple[tuple[str, str], ...] = (
    ("x-own", "é\xff"),
    ("x-own", "a\tb"),
    ("x-own", "\x01\x7f"),
    ("x-own", ""),
    ("X-Twice", "1"),
    ("x-twice", "2"),
    ("set-cookie", "__cf_bm=abc; Path=/"),
    ("set-cookie", "plain=1"),
    ("retry-after", "0"),
    ("retry-after", "1"),
    ("retry-after", "soon"),
    ("retry-after-ms", "1"),
    ("x-should-retry", "false"),
    ("x-ratelimit-remaining-requests", "0"),
    ("x-ratelimit-remaining-requests", "é"),
    ("anthropic-ratelimit-tokens-remaining", "1"),
    ("x-litellm-call-id", "theirs"),
    ("x-litellm-model-id", "theirs"),
    ("llm_provider-x", "y"),
    ("content-language", "en"),
    ("connection", "close"),
    ("cf-ray", "abc-FRA"),
    ("server", "cloudflare"),
)
_ERROR_CHUNKS: tuple[Any, ...] = ({"message": "Overloaded", "type": "overloaded_error"}, "no", {}, None, 1, [])


# --- plain ones -----------------------------------------------------------------------------------------------------


def plain_answer(call: Draft) -> Reply:
    """Return the answer that the provider would give to a call."""
    return _to_reply(_trees(call.provider, call.streams, _WORDS[0], tool=False), call)


def _trees(provider: Provider, streams: bool, words: str, tool: bool) -> list[Any]:
    """The JSON values of an answer: its events, or the one of a whole answer."""
    if provider == "gemini":
        parts = [gemini_wire.function_call("weather", _ARGUMENTS)] if tool else [gemini_wire.text(words)]
        whole = gemini_wire.content(*parts)
        halves = [gemini_wire.content(gemini_wire.text(each), finish=None) for each in _halves(words)]
        return [*([] if tool else halves), whole] if streams else [whole]
    if provider == "anthropic":
        block = anthropic_wire.tool_use("weather", _ARGUMENTS) if tool else anthropic_wire.text(words)
        message = anthropic_wire.message([block])
        return [_read(act.data) for act in anthropic_wire.stream(message)] if streams else [message]
    calls = [openai_wire.tool_call("weather", _ARGUMENTS)] if tool else []
    completion = openai_wire.completion(None if tool else words, calls)
    return [*openai_wire.chunks(completion)] if streams else [completion]


def _halves(words: str) -> tuple[str, str]:
    return words[: len(words) // 2] or "x", words[len(words) // 2 :] or "y"


def _read(event: bytes) -> Any:
    return json.loads(event.partition(b"data: ")[2])


def _to_reply(trees: Sequence[Any], call: Draft, headers: Headers = ()) -> Reply:
    if not call.streams:
        return Reply(200, (_JSON, *_headers(call.provider), *headers), to_bytes(trees[0]))
    acts = [Send(event) for event in _events(trees, call.provider)]
    return Reply(200, (_EVENTS, *_headers(call.provider), *headers), acts=tuple(acts))


def _headers(provider: Provider) -> Headers:
    known = {"openai": openai_wire.headers(), "anthropic": anthropic_wire.headers()}
    return known.get(provider, ())


def _events(trees: Sequence[Any], provider: Provider) -> list[bytes]:
    done = [b"data: [DONE]\n\n"] if provider == "openai" else []
    end = b"\r\n\r\n" if provider == "gemini" else b"\n\n"
    return [_name(tree, provider) + b"data: " + to_bytes(tree) + end for tree in trees] + done


def _name(tree: Any, provider: Provider) -> bytes:
    kind = tree.get("type") if isinstance(tree, dict) else None
    return f"event: {kind}\n".encode() if provider == "anthropic" and isinstance(kind, str) else b""


# --- odd ones -------------------------------------------------------------------------------------------------------


def answers(call: Draft) -> st.SearchStrategy[Reply]:
    """Half of them are as the provider's own."""

    @st.composite
    def answer(draw: Draw) -> Reply:
        words, tool = draw(st.sampled_from(_WORDS)), draw(st.integers(0, 4)) == 4
        trees = _trees(call.provider, call.streams, words, tool)
        match draw(st.integers(0, 9)):
            case 0 | 1 | 2 | 3:
                return _to_reply(trees, call)
            case 4:
                return _to_reply(trees, call, tuple(draw(st.lists(st.sampled_from(_HEADERS), min_size=1, max_size=3))))
            case 5:
                return _of_another_kind(draw, _to_reply(trees, call))
            case 6 | 7:
                return _changed(draw, trees, call)
            case _:
                return _framed(draw, trees, call) if call.streams else _spelled(draw, trees, call)

    return answer()


def failures(call: Draft) -> st.SearchStrategy[Reply]:
    """An error of the provider's, of something before it, or none at all."""

    @st.composite
    def failure(draw: Draw) -> Reply:
        if draw(st.integers(0, 7)) == 7:
            return Reply(before=(Cut(draw(st.sampled_from(("fin", "rst")))),))
        status = draw(st.sampled_from(STATUSES))
        headers = tuple(draw(st.lists(st.sampled_from(_HEADERS), max_size=2)))
        body = draw(st.sampled_from((b"", b"<html><title>Just a moment.</title></html>", b"no", b"null")))
        if draw(st.booleans()):
            told = anthropic_wire if call.provider == "anthropic" else openai_wire
            body = to_bytes(told.error(status, draw(st.sampled_from(("No.", "Overloaded", "é")))))
        headers = (_JSON if body[:1] == b"{" else ("content-type", "text/html"), *headers)
        return Reply(status, headers, b"" if status == 204 else body)

    return failure()


def _of_another_kind(draw: Draw, reply: Reply) -> Reply:
    """Another content type, content coding or status than its body has."""
    others = tuple(each for each in reply.headers if each[0] != "content-type")
    match draw(st.integers(0, 2)):
        case 0:
            kind = draw(st.sampled_from(_CONTENT_TYPES))
            headers = (("content-type", kind), *others) if kind else others
            return Reply(reply.status, headers, reply.body, reply.acts)
        case 1:
            whole = gzip.compress(
                reply.body + b"".join(each.data for each in reply.acts or () if isinstance(each, Send)), mtime=0
            )
            headers = (*reply.headers, ("content-encoding", "gzip"))
            return Reply(reply.status, headers, whole if reply.acts is None else b"", reply.acts and (Send(whole),))
        case _:
            return Reply(draw(st.sampled_from((201, 202))), reply.headers, reply.body, reply.acts)


_KEYS = (
    "error",
    "usage",
    "choices",
    "type",
    "content",
    "delta",
    "id",
    "refusal",
    "finish_reason",
    "system_fingerprint",
)


def _changed(draw: Draw, trees: Sequence[Any], call: Draft) -> Reply:
    """One value of its JSON is another, gone, there twice, or there although it should not be."""
    changed = copy.deepcopy(list(trees))
    at = draw(st.integers(0, len(changed) - 1))
    tree = changed[at]
    match draw(st.integers(0, 5)):
        case 0:
            tree["error"] = draw(st.sampled_from(_ERROR_CHUNKS))
        case 1:
            changed.insert(
                at,
                draw(
                    st.sampled_from(
                        (
                            {"type": "ping"},
                            {"type": "unknown"},
                            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
                            copy.deepcopy(tree),
                        )
                    )
                ),
            )
            changed = changed if call.streams else changed[:1]
        case 2 if len(changed) > 1:
            del changed[at]
        case _:
            _change(draw, tree)
    return _to_reply(changed, call)


def _change(draw: Draw, tree: Any) -> None:
    container, key = draw(st.sampled_from([*places_of(tree)]))
    match draw(st.integers(0, 3)):
        case 0:
            del container[key]
        case 1 if isinstance(container, dict):
            container[draw(st.sampled_from(_KEYS))] = draw(values)
        case 2 if isinstance(container, dict) and isinstance(key, str):
            container[Repeated(key)] = draw(st.one_of(st.just(copy.deepcopy(container[key])), values))
        case _:
            container[key] = draw(values)


def _spelled(draw: Draw, trees: Sequence[Any], call: Draft) -> Reply:
    """The same whole answer in other spellings, cut short, or not JSON."""
    body = to_bytes(trees[0], draw(st.sampled_from(SPELLINGS)))
    match draw(st.integers(0, 4)):
        case 0:
            body = body[: draw(st.integers(0, len(body)))]
        case 1:
            body = b"\xef\xbb\xbf" + body
        case 2:
            body = to_bytes(draw(st.one_of(values, st.just(Spelled("not JSON")))))
    headers = (_JSON, *_headers(call.provider))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(body)))
        return Reply(200, headers, acts=(Send(body[:at]), Send(body[at:])))
    return Reply(200, headers, body)


def _framed(draw: Draw, trees: Sequence[Any], call: Draft) -> Reply:
    """The same events in other bytes: other line ends, comments, padding, other borders of chunks, an early end."""
    events = _events(trees, call.provider)
    at = draw(st.integers(0, len(events) - 1))
    acts: list[Act] | None = None
    match draw(st.integers(0, 9)):
        case 0:
            events = [event.replace(b"\n", b"\r\n") for event in events]
        case 1:
            events.insert(
                at, draw(st.sampled_from((b": comment\n\n", b"\n", b"retry: 1\n\n", b"id: 1\n", b"data:\n\n")))
            )
        case 2:
            events[at] = events[at].replace(b"}\n", b"}" + b" " * draw(st.integers(1, 9)) + b"\n")
        case 3:
            events[at] = events[at].replace(b"data: ", b"data:")
        case 4:
            whole = b"".join(events)
            cut = draw(st.integers(1, len(whole) - 1))
            acts = [Send(whole[:cut]), Send(whole[cut:])]
        case 5:
            acts = [Send(b"".join(events))]
        case 6:
            acts = [
                *map(Send, events[:at]),
                Send(events[at][: len(events[at]) // 2]),
                Cut(draw(st.sampled_from(("fin", "rst")))),
            ]
        case 7:
            events = events[:at]
        case 8:
            events.append(
                draw(st.sampled_from((b"data: [DONE]\n\n", b"data: {}\n\n", b"event: ping\ndata: {}\n\n", b"rest")))
            )
        case _:
            events = [event.removesuffix(b"\n") if number == at else event for number, event in enumerate(events)]
    sent = tuple(acts) if acts is not None else tuple(map(Send, filter(None, events)))
    return Reply(200, (_EVENTS, *_headers(call.provider)), acts=sent)
