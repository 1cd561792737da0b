import pytest

from harness.model import Absent, Difference, Reply, Request, Role, Scenario, Send, Step
from harness.verdict.condition import Calls, said, steps_of

ERROR = {"type": "error", "error": {"type": "overloaded_error"}}
STATUS = Difference("/client/1/response/status", 500, 529)
REPLIES = (Reply(500), Reply(529, body=b'{"type": "error", "error": {"type": "overloaded_error"}}'))


def holds(when, played, seen, difference):
    return Calls(played, seen).hold(tuple(when), difference)


def scenario(*replies, leave_after=None):
    first = Step(Request("GET", "/"))
    return Scenario(
        "a/b",
        "a",
        "t",
        "scripted",
        (),
        (first, Step(Request("POST", "/v1/messages"), replies, leave_after=leave_after)),
    )


def trees(calls=2):
    asked = [{"step": 1, "request": {"path": "/v1/messages"}, "outcome": {"status": 500 + n}} for n in range(calls)]
    return {
        role: {"client": {"1": {"response": {"status": status, "body": ERROR}}}, "upstream": asked, "effects": {}}
        for role, status in ((Role.BASELINE, 500), (Role.CANDIDATE, 529))
    }


@pytest.mark.parametrize(
    ("when", "true"),
    [
        ({}, True),
        ({"/candidate/response/status": "^529$", "/baseline/response/status": "^500$"}, True),
        ({"/candidate/response/status": "=/reply/status"}, True),
        ({"/baseline/response/status": "=/reply/status"}, False),
        ({"/candidate/response/body": "=/reply/body"}, True),
        ({"/candidate/response/body": "=/replies/*/body"}, True),
        ({"/candidate/response/nothing": "=/reply/nothing"}, False),
        ({"/calls/*/outcome/status": "^501$"}, True),
        ({"/calls/*/outcome/status": "^529$"}, False),
        ({"/request/path": "^/v1/messages", "/candidate/response/status": "^500$"}, False),
        ({"/request/leave_after": "^0$"}, True),
    ],
)
def test_everything_that_is_asked_has_to_be_true_of_the_call(when, true):
    assert holds([*when.items()], scenario(*REPLIES, leave_after=0), trees(), STATUS) is true


def test_the_reply_is_the_one_to_the_last_call_that_the_candidate_made():
    when = [("/reply/status", "^500$")]
    assert holds(when, scenario(*REPLIES), trees(calls=1), STATUS)
    assert not holds(when, scenario(*REPLIES), trees(calls=2), STATUS)
    assert not holds(when, scenario(*REPLIES), trees(calls=0), STATUS)
    assert not holds(when, scenario(), trees(), STATUS)


def test_the_text_of_a_streamed_reply_is_all_that_was_sent():
    streamed = Reply(acts=(Send(b"data: 1\n\n"), Send(b"data: 2\n\n")))
    assert holds([("/reply/text", r"^data: 1\n\ndata: 2\n\n$")], scenario(streamed), trees(1), STATUS)


@pytest.mark.parametrize(
    ("difference", "steps"),
    [
        (STATUS, [1]),
        (Difference("/upstream/0/outcome/status", 200, 500), [1]),
        (Difference("/upstream/9/outcome/status", 200, 500), []),
        (Difference("/effects/aborted/0", Absent.ABSENT, "step 1 call 0"), [1]),
        (Difference("/effects/calls/1", 1, 2), [1]),
        (Difference("/effects/usage/0", "steps 0 and 1: input 8 and 0", Absent.ABSENT), [0, 1]),
        (Difference("", 1, 2), []),
    ],
)
def test_a_difference_belongs_to_a_step_to_two_or_to_none(difference, steps):
    assert [*steps_of(difference, trees())] == steps


@pytest.mark.parametrize("wrong", [0, 1])
def test_what_two_steps_disagree_in_may_be_explained_by_either(wrong):
    replies = [Reply(200), Reply(200)]
    replies[wrong] = Reply(503)
    steps = (Step(Request("GET", "/"), (reply,)) for reply in replies)
    seen = trees(1)
    seen[Role.CANDIDATE]["upstream"] = [{"step": step} for step in (0, 1)]
    whole = Scenario("a/b", "a", "t", "scripted", (), tuple(steps))
    disagreement = Difference("/effects/usage/0", "steps 0 and 1: input 8 and 0", Absent.ABSENT)
    assert holds([("/reply/status", "^503$")], whole, seen, disagreement)
    assert not holds([("/reply/status", "^404$")], whole, seen, disagreement)


def test_a_call_more_is_numbered_by_the_candidate_and_a_lost_reply_told_by_the_baseline():
    calls = {Role.BASELINE: [0, 1], Role.CANDIDATE: [0, 0, 1]}
    seen = {role: {"upstream": [{"step": step} for step in steps]} for role, steps in calls.items()}
    assert steps_of(Difference("/upstream/1", Absent.ABSENT, {"step": 0}), seen) == (0,)
    assert steps_of(Difference("/upstream/1", {"step": 1}, Absent.ABSENT), seen) == (1,)
    assert steps_of(Difference("/upstream/1/request/headers/cookie", Absent.ABSENT, "a=b"), seen) == (1,)
    assert steps_of(Difference("/effects/unused/0", "step 0 reply 1", Absent.ABSENT), seen) == (0,)


def test_where_there_is_no_step_nothing_is_true():
    assert not holds([("/request/path", "")], scenario(), trees(), Difference("/client/7/x", 1, 2))


def test_headers_of_the_request_and_of_the_replies_can_be_asked_for():
    difference = Difference("/client/1/response/headers/retry-after", Absent.ABSENT, "7")
    seen = trees()
    seen[Role.CANDIDATE]["client"]["1"]["response"]["headers"] = {"retry-after": "7", "x-request-id": "mine"}
    told = Reply(529, (("Retry-After", "7"),))
    when = {"/candidate/response/headers/retry-after": "=/replies/*/headers/retry-after"}
    assert holds([*when.items()], scenario(Reply(500), told), seen, difference)
    assert not holds([*when.items()], scenario(Reply(500), Reply(529)), seen, difference)
    assert holds([("/request/headers/x-request-id", "^mine$")], _asking("X-Request-Id", "mine"), seen, difference)


def _asking(name, value):
    return Scenario(
        "a/b", "a", "t", "scripted", (), (Step(Request("GET", "/")), Step(Request("GET", "/", ((name, value),))))
    )


@pytest.mark.parametrize(
    "deltas",
    [
        [{"delta": {"type": "text_delta", "text": "An"}}, {"delta": {"text": "gara"}}],
        [{"choices": [{"delta": {"content": "An"}}]}, {"choices": [{"delta": {"content": "gara"}}]}],
        [{"choices": [{"text": "Angara"}]}],
        [{"type": "response.output_text.delta", "delta": "Angara"}],
    ],
)
def test_the_words_of_a_stream_are_the_same_in_each_protocol(deltas):
    events = [{"event": "", "data": data} for data in [*deltas, "[DONE]", {"type": "ping"}]]
    assert said({"response": {"stream": {"events": events}}}) == "Angara"
    seen = trees()
    for role in seen:
        seen[role]["client"]["1"]["response"]["stream"] = {"events": events}
    assert holds([("/candidate/said", "=/baseline/said")], scenario(*REPLIES), seen, STATUS)
    seen[Role.CANDIDATE]["client"]["1"]["response"]["stream"] = {"events": events[1:]}
    assert not holds([("/candidate/said", "=/baseline/said")], scenario(*REPLIES), seen, STATUS)
