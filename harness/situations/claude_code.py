"""Claude Code's situations. What the model says is made up; the tools that it asks for do run."""

from __future__ import annotations

from dataclasses import replace

from harness.model import Cut, Reply, Wait
from harness.situations.situation import Answer, Situation, answers, broken
from harness.upstream import anthropic_wire as anthropic
from harness.upstream import gemini_wire as gemini
from harness.upstream import responses_wire as responses
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


def _refuses(seed: str) -> Reply:
    whole = anthropic.message([anthropic.text("I would rather")], "claude-sonnet-5", seed, "refusal")
    return anthropic.stream_reply(whole, seed)


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

_NOTE = (("note.txt", "One line to change.\n"),)
_MORE = (
    Situation(
        "claude-code/file-edited",
        "A file is read, changed and found changed: four turns, each with all before it",
        ("messages", "stream", "tools", "tool-loop"),
        (("Change the note", *_SONNET, "--tools", "Read,Edit,Bash"),),
        answers(
            _uses(anthropic.tool_use("Read", {"file_path": "note.txt"}, "edit 1"), seed="edit 1"),
            _uses(
                anthropic.tool_use(
                    "Edit", {"file_path": "note.txt", "old_string": "to change", "new_string": "changed"}, "edit 2"
                ),
                seed="edit 2",
            ),
            _uses(_bash("edit 3", "cat note.txt"), seed="edit 3"),
            _says("The note is changed.", "edit 4"),
        ),
        files=_NOTE,
    ),
    Situation(
        "claude-code/thinking-budget",
        "A model of an earlier generation gets a budget for thinking, and an effort of its own",
        ("messages", "stream", "thinking"),
        (("How many doors are there?", "--model", "claude-sonnet-4-5-20250929", "--tools", "Read"),),
        answers(_uses(anthropic.thinking("Two, I think.", "doors"), anthropic.text("Two."), seed="doors")),
    ),
    Situation(
        "claude-code/gpt",
        "Claude Code asks a GPT model, which runs a tool: Anthropic's protocol in front, OpenAI's behind",
        ("messages", "stream", "tools", "tool-loop", "translation"),
        (("Which tools does it have?", "--model", "gpt-5", "--tools", "Bash,Read"),),
        answers(
            responses.stream_reply(
                responses.response(
                    [responses.function_call("Bash", {"command": _BASH, "description": "Print a line"}, "gpt 1")],
                    "gpt-5-2025-08-07",
                    "gpt 1",
                ),
                "gpt 1",
            ),
            responses.stream_reply(
                responses.response([responses.message("It has one.", "gpt 2")], "gpt-5-2025-08-07", "gpt 2"), "gpt 2"
            ),
        ),
    ),
    Situation(
        "claude-code/gemini",
        "Claude Code asks a Gemini model: Anthropic's protocol in front, Google's behind",
        ("messages", "stream", "translation"),
        (("What colour is the sky?", "--model", "gemini-2.5-pro", "--tools", "Read"),),
        answers(gemini.stream_reply("It is blue.", "gemini-2.5-pro", "sky")),
    ),
    Situation(
        "claude-code/unknown-model",
        "A model that the gateway does not have",
        ("messages", "stream", "errors"),
        (("Are you there?", "--model", "my-own-alias", "--tools", "Read"),),
        (),
        exit_code=1,
    ),
    Situation(
        "claude-code/forbidden",
        "A key that may not use the model",
        ("messages", "stream", "errors"),
        (("May I enter?", "--model", "claude-opus-4-8", "--tools", "Read"),),
        answers(anthropic.error_reply(403, "Your API key does not have permission to use this model", "enter")),
        exit_code=1,
    ),
    Situation(
        "claude-code/credit-balance-too-low",
        "A balance that is too low",
        ("messages", "stream", "errors"),
        (("What does it cost?", *_SONNET, "--tools", "Read"),),
        answers(anthropic.error_reply(402, "Your credit balance is too low", "cost")),
        exit_code=1,
    ),
    Situation(
        "claude-code/request-too-large-upstream-413",
        "A request that is too large",
        ("messages", "stream", "errors"),
        (("How large may it be?", *_SONNET, "--tools", "Read"),),
        answers(*(anthropic.error_reply(413, "Request exceeds the maximum size", f"large {n}") for n in range(3))),
        exit_code=1,
    ),
    Situation(
        "claude-code/refusal",
        "The model refuses",
        ("messages", "stream", "stop-reasons"),
        (("Pick the lock", *_SONNET, "--tools", "Read"),),
        answers(*(_refuses(f"lock {n}") for n in range(2))),
        exit_code=1,
    ),
    Situation(
        "claude-code/empty-answer",
        "An answer without a word is asked for again",
        ("messages", "stream", "stop-reasons"),
        (("Say nothing", *_SONNET, "--tools", "Read"),),
        answers(_uses(seed="nothing 1"), _says("Nothing.", "nothing 2")),
    ),
    Situation(
        "claude-code/overloaded-before-the-first-word",
        "A stream that begins with an error is hidden by the gateway's retry",
        ("messages", "stream", "errors", "mid-stream-error", "retries"),
        (("Wake up", *_SONNET, "--tools", "Read"),),
        answers(
            broken(_says("Not yet.", "asleep"), 1, anthropic.error_event(529, "Overloaded")), _says("Awake.", "awake")
        ),
    ),
    Situation(
        "claude-code/cache-counted",
        "Claude Code counts what came from the cache and what went into it",
        ("messages", "stream", "cache", "usage"),
        (("Count the cache", *_SONNET, "--tools", "Read", "--output-format", "json"),),
        answers(
            anthropic.stream_reply(
                anthropic.message(
                    [anthropic.text("Counted.")], "claude-sonnet-5", "cache", used=anthropic.usage(3, 9, 15000, 420)
                ),
                "cache",
            )
        ),
    ),
)

_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # a PNG
# At 413 Claude Code asks for a summary, and goes on with that. Of a 400, which LiteLLM makes of it, it sends the same
# conversation twice more: a request that stays too large is refused in this turn and in each later one.
CLAUDE_CODE_RECOVERS = (
    Situation(
        "claude-code/request-too-large-compacted",
        "A request is too large: at 413 Claude Code compacts the conversation, and the turn gets on",
        ("messages", "stream", "errors"),
        (("Look at the dot", *_FEW_TOOLS),),
        (
            Answer(anthropic.error_reply(413, "Request exceeds the maximum size", "dot"), to='"image/png"'),
            Answer(_says("<summary>A dot was looked at.</summary>", "dot 3"), to="<summary> block"),
            Answer(_uses(_bash("dot 1", f"echo {_DOT} | base64 -d > dot.png"), seed="dot 1")),
            Answer(_uses(anthropic.tool_use("Read", {"file_path": "dot.png"}, "dot 2"), seed="dot 2")),
            Answer(_says("A dot, in short.", "dot 4")),
        ),
    ),
)

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
    *_MORE,
)
