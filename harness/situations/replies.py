"""The providers' answers of the situations, in few words: whole and streamed, of each of the three providers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.model import Act, Cut, Reply, Send, Wait
from harness.situations.situation import broken
from harness.upstream import anthropic_wire as anthropic
from harness.upstream import gemini_wire as gemini
from harness.upstream import openai_wire as openai
from harness.upstream.wire import Object, json_reply
from harness.upstream.wire import stream_reply as events

GPT_5, GPT_5_MINI, GPT_4 = "gpt-5-2025-08-07", "gpt-5-mini-2025-08-07", "gpt-4.1-2025-04-14"
SAID = "It **adds** two numbers and returns their sum."


def gpt(seed: str, words: str | None = SAID, *calls: Object, model: str = GPT_4, used: Object | None = None) -> Reply:
    return openai.reply(openai.completion(words, calls, model, seed, used), seed)


def gpt_streams(
    seed: str,
    words: str | None = SAID,
    *calls: Object,
    model: str = GPT_4,
    used: Object | None = None,
    parts: int = 3,
) -> Reply:
    return openai.stream_reply(openai.completion(words, calls, model, seed, used), seed, parts)


def gpt_choices(seed: str, choices: Sequence[Object], streamed: bool = False) -> Reply:
    """`choices`: what each has beside its index: message, finish_reason, logprobs."""
    whole = openai.completion(SAID, model=GPT_4, seed=seed)
    (first,) = whole["choices"]
    numbered = [{**first, **choice, "index": index} for index, choice in enumerate(choices)]
    whole = {**whole, "choices": numbered}
    return openai.stream_reply(whole, seed, 2) if streamed else openai.reply(whole, seed)


def answer(words: str | None = SAID, **more: object) -> Object:
    """A choice of OpenAI's."""
    return {"message": {"role": "assistant", "content": words, "refusal": None, "annotations": [], **more}}


def claude(seed: str, *blocks: Object, stop: str | None = None, used: Object | None = None) -> Reply:
    said = blocks or (anthropic.text(SAID),)
    return anthropic.reply(anthropic.message(said, "claude-sonnet-5", seed, stop, used), seed)


def claude_streams(
    seed: str, *blocks: Object, stop: str | None = None, used: Object | None = None, parts: int = 3
) -> Reply:
    said = blocks or (anthropic.text(SAID),)
    return anthropic.stream_reply(anthropic.message(said, "claude-sonnet-5", seed, stop, used), seed, parts)


def gemini_says(seed: str, *parts: Object, model: str = gemini.MODEL) -> Reply:
    return gemini.reply(gemini.content(*(parts or (gemini.text(SAID),)), model=model, seed=seed))


def gemini_streams(seed: str, words: str = SAID, model: str = gemini.MODEL) -> Reply:
    return gemini.stream_reply(words, model, seed)


def gemini_calls(seed: str, *parts: Object, model: str = gemini.MODEL) -> Reply:
    """A stream of one piece, with CRLF line ends as Gemini has them."""
    whole = gemini.reply(gemini.content(*parts, model=model, seed=seed))
    return events((Send(b"data: " + whole.body + b"\r\n\r\n"),))


# --- what goes wrong ------------------------------------------------------------------------------------------------


def cut(whole: Reply, events: int = 3, how: Act | None = None) -> Reply:
    return broken(whole, events, how if isinstance(how, Send | Cut) else Cut("fin"))


def pausing(whole: Reply, events: int, seconds: float = 1.0) -> Reply:
    """Long enough in the middle for the client to leave."""
    acts = whole.acts or ()
    return replace(whole, acts=(*acts[:events], Wait(seconds), *acts[events:]))


def late(whole: Reply, seconds: float = 1.0) -> Reply:
    return replace(whole, before=(Wait(seconds),))


def bare(status: int, body: Object) -> Reply:
    return json_reply(body, (), status)
