"""What scripts do with curl: whole answers, streams, counts, lists, and the exit code of an error."""

from __future__ import annotations

import json

import harness.situations.replies as say
from harness.model import Reply
from harness.situations.situation import Situation, answers
from harness.upstream import anthropic_wire as anthropic
from harness.upstream.wire import Object

_FAILED = 22  # curl's exit code for a status of 400 and more
_SAYS: Object = {"messages": [{"role": "user", "content": "What does add do?"}]}
_GPT: Object = {"model": "gpt-4.1", **_SAYS}
_CLAUDE: Object = {"model": "claude-sonnet-5", "max_tokens": 64, **_SAYS}
_STREAMED: Object = {"stream": True}


def _posts(name: str, title: str, path: str, body: Object, *replies: Reply, fails: bool = False) -> Situation:
    headers = ("-H", "authorization: Bearer {key}", "-H", "content-type: application/json")
    words = (*headers, "--data-raw", json.dumps(body), f"{{url}}{path}")
    return Situation(f"curl/{name}", title, ("curl",), (words,), answers(*replies), exit_code=_FAILED if fails else 0)


def _gets(name: str, title: str, path: str, fails: bool = False) -> Situation:
    words = ("-H", "authorization: Bearer {key}", f"{{url}}{path}")
    return Situation(f"curl/{name}", title, ("curl",), (words,), (), exit_code=_FAILED if fails else 0)


_CHAT, _MESSAGES = "/v1/chat/completions", "/v1/messages"
CURL = (
    _posts("chat", "A chat completion", _CHAT, _GPT, say.gpt("curl chat")),
    _posts("chat-streamed", "A streamed one", _CHAT, {**_GPT, **_STREAMED}, say.gpt_streams("curl streamed")),
    _posts("message", "A message", _MESSAGES, _CLAUDE, say.claude("curl message")),
    _posts("message-streamed", "A streamed one", _MESSAGES, {**_CLAUDE, **_STREAMED}, say.claude_streams("curl ms")),
    _posts(
        "count-tokens",
        "Tokens are counted",
        f"{_MESSAGES}/count_tokens",
        {"model": "claude-sonnet-5", **_SAYS},
        anthropic.count_tokens(12, "curl"),
    ),
    _posts(
        "bad-request",
        "The provider says 400",
        _MESSAGES,
        _CLAUDE,
        anthropic.error_reply(400, "no", "curl 400"),
        fails=True,
    ),
    _posts("unknown-model", "A model that nobody has", _CHAT, {**_GPT, "model": "nobody"}, fails=True),
    _gets("models", "The models are listed", "/v1/models"),
    _gets("wrong-path", "A path that nobody has", "/v1/nothing", fails=True),
)
