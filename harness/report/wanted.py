"""What the scenarios have to put each route through: route x stream x provider x answer, and what of that cannot be.

The answers are every status that a provider gives (regressions of gateways were found at each of them), before the
headers, before the first event and in mid-stream, and clients that leave. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from harness.report.answers import AT_FIRST, LEFT, LEFT_EARLY, MIDWAY, NO_HEADERS

PROVIDERS = ("anthropic", "google", "openai")
# Route -> whether it streams, too.
ROUTES: Mapping[str, bool] = MappingProxyType(
    {
        "POST /v1/chat/completions": True,
        "POST /v1/completions": True,
        "POST /v1/embeddings": False,
        "POST /v1/messages": True,
        "POST /v1/messages/count_tokens": False,
        "POST /v1/responses": True,
        "POST /v1/responses/compact": False,
        "POST /v1/responses/input_tokens": False,
    }
)
REFUSALS = (
    *("400", "401", "402", "403", "404", "408", "409", "413", "422", "429", "429, retry-after"),
    *("500", "502, HTML", "503, Cloudflare", "504", "529"),
)
STATUSES = tuple(dict.fromkeys(refusal.partition(",")[0] for refusal in REFUSALS))
ALWAYS = ("200", *REFUSALS, NO_HEADERS, LEFT_EARLY)
STREAMED = (
    LEFT,
    *(f"200, {fault} {place}" for place in (AT_FIRST, MIDWAY) for fault in (*STATUSES, "cut", "truncated")),
)

_NO_COUNT = "LiteLLM counts for Gemini with google-genai, which litellm[proxy] does not bring: it fails before it calls"
# LiteLLM 1.106.2 answers these by itself: there is no call that could fail.
_NEVER_CALLED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("POST /v1/embeddings", "anthropic"): "Anthropic has no embeddings: LiteLLM refuses to call it",
        ("POST /v1/responses/compact", "anthropic"): "only OpenAI compacts: LiteLLM refuses to call anybody else",
        ("POST /v1/responses/compact", "google"): "only OpenAI compacts: LiteLLM refuses to call anybody else",
        ("POST /v1/messages/count_tokens", "google"): _NO_COUNT,
        ("POST /v1/responses/input_tokens", "google"): _NO_COUNT,
    }
)
_AS_RESPONSES = ("POST /v1/messages", "POST /v1/responses")  # where GPT is asked through its Responses protocol
# Which statuses an error inside a stream can stand for.
_ANTHROPIC = frozenset({"400", "401", "402", "403", "404", "413", "429", "500", "504", "529"})
_GOOGLE = frozenset({"400", "401", "403", "404", "409", "429", "500", "503", "504"})
_RESPONSES = frozenset({"400", "429", "500"})
_REPORTED = re.compile(rf"200, (\d+) (?:{AT_FIRST}|{MIDWAY})")
_OTHER_PATH = re.compile(r"POST (?:/openai/v1|/(?:engines|openai/deployments)/\{id\})?(/(?!v1/).*)")


def answers(streams: bool) -> tuple[str, ...]:
    return (*ALWAYS, *STREAMED) if streams else ALWAYS


def places() -> Iterator[tuple[str, bool]]:
    """Each route whole, and streamed where it can be."""
    for route, streams in ROUTES.items():
        yield route, False
        if streams:
            yield route, True


def is_other_path(route: str) -> bool:
    """Whether it leads to a route of the list: without /v1, or with the model in the path."""
    found = _OTHER_PATH.fullmatch(route)
    return found is not None and f"POST /v1{found[1]}" in ROUTES


def impossible(route: str, stream: bool, provider: str, answer: str) -> str | None:
    """Why there can be no such scenario; None where there can."""
    if (route, provider) in _NEVER_CALLED:
        return _NEVER_CALLED[route, provider]
    if (route, stream, provider, answer) == ("POST /v1/messages", True, "google", LEFT_EARLY):
        return "LiteLLM sends a message_start of its own as it calls Gemini: whether the client sees it is chance"
    reported = _REPORTED.fullmatch(answer)
    if reported is None:
        return None
    if provider == "openai" and route in _AS_RESPONSES:
        return None if reported[1] in _RESPONSES else "no code of OpenAI's response errors means that status"
    if provider == "anthropic":
        return None if reported[1] in _ANTHROPIC else "no type of Anthropic's errors means that status in a stream"
    if provider == "google":
        return None if reported[1] in _GOOGLE else "none of Google's canonical error codes has that status"
    return None
