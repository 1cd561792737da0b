"""The state machine: calls that share a cache key, one after the other, to gateways that have to treat them alike.

A sequence begins with a call that is sent twice, so that a fast path has learned it; then each rule changes a little of
the call before, or of what the upstream answers, and sends it. What is compared, and with what, is the arena's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from harness.model import Reply, Step
from harness.trials.fast_path import calls
from harness.trials.fast_path.answers import answers, failures, plain_answer
from harness.trials.fast_path.calls import Draft, Model

STEPS = 6  # rules of a sequence, the first one included
_AGAIN = 3  # plain answers behind the one that is meant: for a gateway that asks again


class Sequenced(Protocol):
    """One sequence of calls in an arena. Both methods raise `AssertionError` where the gateways differ."""

    def send(self, step: Step) -> None: ...

    def end(self) -> None: ...


class Arena(Protocol):
    """What the sequences are played in."""

    @property
    def models(self) -> Sequence[Model]: ...

    def begin(self, with_baseline: bool) -> Sequenced: ...

    @property
    def baseline_share(self) -> int:
        """One sequence of so many is compared with LiteLLM's own path as well; 0: none."""


class FastPathMachine(RuleBasedStateMachine):
    """`run_state_machine_as_test(lambda: FastPathMachine(arena))`."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        super().__init__()
        self._draft: Draft
        self._has_failed = False

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        share = self._arena.baseline_share
        chosen = share > 0 and data.draw(st.integers(0, share - 1)) == share - 1
        self._sequence = self._arena.begin(chosen)
        self._first = self._draft = data.draw(calls.first_calls(self._arena.models))
        for _ in range(data.draw(st.sampled_from((2, 2, 2, 1)))):
            self._send(plain_answer(self._draft))

    @rule(data=st.data())
    def send_other_messages(self, data: st.DataObject) -> None:
        self._draft = data.draw(calls.other_messages(self._draft))
        self._send(data.draw(answers(self._draft)))

    @rule(data=st.data())
    def send_other_messages_to_a_plain_answer(self, data: st.DataObject) -> None:
        self._draft = data.draw(calls.other_messages(self._draft))
        self._send(plain_answer(self._draft))

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self._send(data.draw(answers(self._draft)))

    @rule(data=st.data())
    def send_to_a_failing_upstream(self, data: st.DataObject) -> None:
        self._send(data.draw(failures(self._draft)))

    @rule(data=st.data())
    def send_other_headers(self, data: st.DataObject) -> None:
        self._draft = data.draw(calls.other_headers(self._draft))
        self._send(data.draw(answers(self._draft)))

    @rule(data=st.data())
    def send_another_body(self, data: st.DataObject) -> None:
        self._draft = data.draw(calls.other_body(self._draft))
        self._send(data.draw(answers(self._draft)))

    @rule(data=st.data())
    def send_two_values_that_look_alike(self, data: st.DataObject) -> None:
        first, second = data.draw(calls.alike_bodies(self._draft))
        for self._draft in (first, first, second):
            self._send(plain_answer(self._draft))

    @rule(data=st.data())
    def send_in_another_spelling(self, data: st.DataObject) -> None:
        self._draft = data.draw(calls.other_spelling(self._draft))
        self._send(plain_answer(self._draft))

    @rule(data=st.data())
    def send_the_first_call(self, data: st.DataObject) -> None:
        self._draft = self._first
        self._send(data.draw(answers(self._draft)))

    def teardown(self) -> None:
        if not self._has_failed and hasattr(self, "_sequence"):
            self._sequence.end()

    def _send(self, reply: Reply) -> None:
        again = (plain_answer(self._draft),) * _AGAIN
        self._has_failed = True
        self._sequence.send(Step(self._draft.to_request(), (reply, *again)))
        self._has_failed = False
