"""Claude Code's situations. What the model says is made up; the tools that it asks for do run."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Cut, Reply, Wait
from harness.situations.situation import Answer, Situation, answers, broken
from harness.upstream import anthropic_wire as anthropic
from harness.upstream.wire import Object

_BASH = "echo The tools work"
_PLAN = "The user wants to know whether tools work. I shall run one command, and then say what it printed."
_LONG = (
    "Grüße aus Zürich! 你好世界 🌍 — naïve café, Ωmega: these are words of one, two, three and four bytes a letter. "
    * 3
)


def _says(words: str, seed: str, model: str = "claude-sonnet-5", parts: int = 4) -> Reply:
    return anthropic.stream_reply(anthropic.message([anthropic.text(words)], model, seed), seed, parts)


def _uses(*blocks: Object, seed: str, model: str = "claude-sonnet-5") -> Reply:
    return anthropic.stream_reply(anthropic.message(blocks, model, seed), seed)


def _bash(seed: str, command: str = _BASH) -> Object:
    return anthropic.tool_use("Bash", {"command": command, "description": "Print a line"}, seed)


def _agent(prompt: str) -> Object:
    asked = {"description": "Count", "prompt": prompt, "subagent_type": "general-purpose", "run_in_background": False}
    return anthropic.tool_use("Agent", asked, prompt)


def _slowly(whole: Reply) -> Reply:
    """Slow enough for a second call to come meanwhile."""
    return replace(whole, before=(Wait(1.0),))


_SONNET = ("--model", "claude-sonnet-5")
_FEW_TOOLS = (*_SONNET, "--tools", "Bash,Read")
_MESSAGE = anthropic.message([anthropic.text("Here is the whole answer.")], "claude-sonnet-5", "whole")

CLAUDE_CODE = (
    Situation(
        "claude-code/plain-answer",
        "Claude Code asks one question and prints the answer",
        ("messages", "stream", "tools"),
        (("What is a gateway?", "--model", "claude-opus-4-8"),),
        answers(_says("A gateway stands between its clients and their providers.", "plain", "claude-opus-4-8")),
    ),
    Situation(
        "claude-code/many-bytes-a-letter",
        "An answer in letters of one to four bytes comes in many small pieces",
        ("messages", "stream", "utf-8"),
        (("Greet the world", *_FEW_TOOLS),),
        answers(_says(_LONG, "bytes", parts=60)),
    ),
    Situation(
        "claude-code/haiku",
        "A model of an earlier generation is asked with other betas and a budget for thinking",
        ("messages", "stream", "thinking"),
        (("Say hello", "--model", "claude-haiku-4-5-20251001", "--tools", "Bash,Read"),),
        answers(
            _uses(
                anthropic.thinking("Just a greeting.", "haiku"),
                anthropic.text("Hello!"),
                seed="haiku",
                model="claude-haiku-4-5-20251001",
            )
        ),
    ),
    Situation(
        "claude-code/tool-loop",
        "Claude Code runs the tool that the model asks for, and sends its result back",
        ("messages", "stream", "tools", "tool-loop"),
        (("Do the tools work?", *_SONNET),),
        answers(_uses(_bash("loop"), seed="loop 1"), _says("They do: the command printed its line.", "loop 2")),
    ),
    Situation(
        "claude-code/tools-in-parallel",
        "Two tools of one answer run, and both results go back in one message",
        ("messages", "stream", "tools", "tool-loop", "parallel-tools"),
        (("Do the tools work?", *_FEW_TOOLS),),
        answers(
            _uses(anthropic.text("I run two."), _bash("one"), _bash("two", "echo Both of them"), seed="both 1"),
            _says("Both printed their lines.", "both 2"),
        ),
    ),
    Situation(
        "claude-code/tool-that-fails",
        "The tool fails, and its error is the result that goes back",
        ("messages", "stream", "tools", "tool-loop"),
        (("Read the note", *_FEW_TOOLS),),
        answers(
            _uses(anthropic.tool_use("Read", {"file_path": "/nowhere/note.txt"}, "read"), seed="fails 1"),
            _says("There is no such note.", "fails 2"),
        ),
    ),
    Situation(
        "claude-code/thinking",
        "A thought comes back with its signature in the next request, and so does one that nobody can read",
        ("messages", "stream", "thinking", "tool-loop"),
        (("Do the tools work?", *_FEW_TOOLS),),
        answers(
            _uses(anthropic.thinking(_PLAN), anthropic.redacted_thinking(), _bash("thought"), seed="thinks 1"),
            _uses(anthropic.thinking("It printed its line.", 2), anthropic.text("They do."), seed="thinks 2"),
        ),
    ),
    Situation(
        "claude-code/subagent",
        "A subagent gets a conversation of its own, and its answer is the tool's result",
        ("messages", "stream", "tools", "subagent"),
        (("Let an agent count", *_SONNET),),
        (
            Answer(
                _uses(_agent("Please count to three and report."), seed="agent 1"),
                to="Let an agent count",
            ),
            Answer(_says("One, two, three.", "agent 2"), to="cc_is_subagent"),
            Answer(_says("The agent counted to three.", "agent 3"), to="tool_result"),
        ),
    ),
    Situation(
        "claude-code/agents-at-once",
        "Two subagents of one answer work at the same time",
        ("messages", "stream", "tools", "subagent", "together"),
        (("Let two agents count", *_SONNET, "--tools", "Agent,Read"),),
        (
            Answer(
                _uses(_agent("Count the apples."), _agent("Count the pears."), seed="two 1"), to="Let two agents count"
            ),
            Answer(_slowly(_says("Five apples.", "apples")), to="Count the apples."),
            Answer(_slowly(_says("Six pears.", "pears")), to="Count the pears."),
            Answer(_says("Eleven in all.", "two 2"), to="tool_result"),
        ),
    ),
    Situation(
        "claude-code/web-search",
        "A search of the web is a request of its own, with a tool that the provider runs",
        ("messages", "stream", "tools", "server-tools"),
        (("What is new?", *_SONNET, "--tools", "WebSearch"),),
        (
            Answer(_uses(anthropic.tool_use("WebSearch", {"query": "gateway news"}, "search"), seed="search 1")),
            Answer(_says("Nothing was found.", "search 2"), to="web_search_20"),
            Answer(_says("There is no news.", "search 3"), to="tool_result"),
        ),
    ),
    Situation(
        "claude-code/with-memory",
        "A model behind a memory: the provider is reached through it, and told whose memory it is",
        ("messages", "stream", "memory"),
        (("Who am I?", "--model", "claude-sonnet-5-memory", "--tools", "Bash,Read"),),
        answers(_says("Somebody who asks.", "memory")),
    ),
    Situation(
        "claude-code/conversation-continued",
        "The second question comes with the first one and its answer",
        ("messages", "stream"),
        (("What is a proxy?", *_FEW_TOOLS), ("And a gateway?", "--continue", *_FEW_TOOLS)),
        answers(_says("It speaks for somebody else.", "first"), _says("A proxy with doors.", "second")),
    ),
    Situation(
        "claude-code/cut-off-at-max-tokens",
        "An answer that ends at max_tokens is asked to go on",
        ("messages", "stream", "stop-reasons"),
        (("Tell me a story", *_FEW_TOOLS),),
        answers(
            anthropic.stream_reply(
                anthropic.message([anthropic.text("Once upon a time")], "claude-sonnet-5", "max 1", "max_tokens"),
                "max 1",
            ),
            _says("there was a gateway. The end.", "max 2"),
        ),
    ),
    Situation(
        "claude-code/rate-limit-retried",
        "A rate limit that outlasts the gateway's retries reaches Claude Code, which tries again",
        ("messages", "stream", "errors", "retries"),
        (("Say hello", *_FEW_TOOLS),),
        answers(
            *(anthropic.error_reply(429, "Number of requests exceeded", n, (("retry-after", "1"),)) for n in range(3)),
            _says("Hello!", "after the limit"),
        ),
    ),
    Situation(
        "claude-code/overloaded-once",
        "One overloaded answer is hidden by the gateway's retry",
        ("messages", "stream", "errors", "retries"),
        (("Say hello", *_FEW_TOOLS),),
        answers(anthropic.error_reply(529, "Overloaded", "busy"), _says("Hello!", "no longer busy")),
    ),
    Situation(
        "claude-code/prompt-too-long",
        "A prompt that is too long is refused, and Claude Code says so at once",
        ("messages", "stream", "errors"),
        (("Say hello", *_FEW_TOOLS),),
        answers(anthropic.error_reply(400, "prompt is too long: 210000 tokens > 200000 maximum", "long")),
        exit_code=1,
    ),
    Situation(
        "claude-code/stream-cut",
        "The provider hangs up in the middle of a text; Claude Code asks again without a stream",
        ("messages", "stream", "errors", "cuts", "non-stream"),
        (("Say hello", *_FEW_TOOLS),),
        answers(
            broken(_says("This will never be said whole.", "cut"), 5, Cut("fin")), anthropic.reply(_MESSAGE, "whole")
        ),
    ),
    Situation(
        "claude-code/error-in-mid-stream",
        "The provider reports an error in the middle of a text; Claude Code asks again without a stream",
        ("messages", "stream", "errors", "mid-stream-error", "non-stream"),
        (("Say hello", *_FEW_TOOLS),),
        answers(
            broken(_says("This will never be said whole.", "error"), 5, anthropic.error_event(529, "Overloaded")),
            anthropic.reply(_MESSAGE, "whole"),
        ),
    ),
    Situation(
        "claude-code/cut-after-a-tool",
        "The provider hangs up after a whole tool call: the tool has run, and the loop goes on",
        ("messages", "stream", "errors", "cuts", "tool-loop"),
        (("Do the tools work?", *_FEW_TOOLS),),
        answers(broken(_uses(_bash("torn"), seed="torn 1"), 9, Cut("rst")), _says("They do.", "torn 2")),
    ),
)
