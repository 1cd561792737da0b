import json

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from harness.trials.fast_path.answers import answers, failures, plain_answer
from harness.trials.fast_path.calls import first_calls, other_body, other_headers, other_messages
from harness.trials.fast_path.deployments import models
from harness.upstream.answer import complete_headers, head

many = settings(
    max_examples=50, phases=[Phase.generate], deadline=None, database=None, suppress_health_check=[*HealthCheck]
)


@seed(1)
@many
@given(first_calls(models()))
def test_a_first_call_is_json_that_names_a_model_and_has_messages(draft):
    body = json.loads(draft.to_request().body)
    assert body["model"].startswith("fuzz-")
    assert body["messages"][0] == {"role": "user", "content": "Hello."}


@seed(2)
@many
@given(st.data())
def test_other_messages_leave_the_cache_key_as_it_is(data):
    before = data.draw(first_calls(models()))
    after = data.draw(other_messages(before))
    assert {**before.body, "messages": None} == {**after.body, "messages": None}
    assert (before.headers, before.query, before.protocol) == (after.headers, after.query, after.protocol)


@seed(3)
@many
@given(st.data())
def test_a_change_never_changes_the_call_before(data):
    before = data.draw(first_calls(models()))
    written = before.to_request()
    for change in (other_messages, other_body, other_headers):
        data.draw(change(before))
    assert before.to_request() == written


@seed(4)
@many
@given(st.data())
def test_every_answer_can_be_written(data):
    call = data.draw(first_calls(models()))
    for reply in (plain_answer(call), data.draw(answers(call)), data.draw(failures(call))):
        assert head(reply.status, complete_headers(reply, "POST")).startswith(b"HTTP/1.1 ")


def test_the_changes_reach_every_kind_of_value_that_json_has():
    texts = _made(other_body)
    for part in (b"1e999", b"NaN", b"-0.0", b"18446744073709551616", b"null", b'\\ud800"', b"[]", b"{}"):
        assert any(part in text for text in texts), part


def test_the_changes_reach_what_litellm_rewrites_in_messages():
    texts = _made(other_messages)
    for part in (
        b"litellm_encrypted_reasoning:",
        b"redacted_thinking",
        b"output_config",
        b"call:1|x",
        b"cache_control",
    ):
        assert any(part in text for text in texts), part


def _made(change):
    made = []

    @seed(5)
    @settings(many, max_examples=500)
    @given(st.data())
    def collect(data):
        made.append(data.draw(change(data.draw(first_calls(models())))).to_request().body)

    collect()
    return made
