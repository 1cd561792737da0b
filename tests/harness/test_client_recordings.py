from __future__ import annotations

from pathlib import Path

import pytest

from harness.client_recordings import Script, _chosen, _require
from harness.clients.program import Finished
from harness.errors import BadInput, HarnessError
from harness.model import Reply, Request
from harness.situations.situation import Answer, Situation


def test_a_call_gets_the_first_answer_that_is_left_and_meant_for_it() -> None:
    one, two, three = Reply(200), Reply(201), Reply(202)
    script = Script([Answer(one, to="one"), Answer(two), Answer(three, to="one")])
    got = [
        script.answer(Request("POST", "/", body=body)) for body in (b"other", b"the one", b"the one", b"one too many")
    ]
    assert got[:3] == [two, one, three]
    assert (script.left, [request.body for request in script.surprises]) == (0, [b"one too many"])


@pytest.mark.parametrize(("exit_code", "asked", "requests"), [(1, 1, 1), (0, 0, 1), (0, 2, 1), (0, 1, 0)])
def test_a_client_that_did_something_else_is_not_recorded(exit_code: int, asked: int, requests: int) -> None:
    situation = Situation("a/b", "title", (), ((),), (Answer(Reply()),))
    script = Script(situation.answers)
    for _ in range(asked):
        script.answer(Request("POST", "/"))
    with pytest.raises(HarnessError, match="a/b: c 1 ended"):
        _require(situation, script, Finished(exit_code, "said", "c 1"), requests)


def test_situations_are_chosen_by_name_and_those_that_are_missing_by_their_files(tmp_path: Path) -> None:
    both = [each.id for each in _chosen(tmp_path, "pycharm/chat-streamed", update=False)]
    assert both == ["pycharm/chat-streamed", "pycharm/chat-streamed-async"]
    for name in both:
        assert len(_chosen(tmp_path, "pycharm/chat-streamed", update=False)) == len(both) - both.index(name)
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert len(_chosen(tmp_path, "pycharm/chat-streamed", update=True)) == 2
    with pytest.raises(BadInput, match="--update records them again"):
        _chosen(tmp_path, "pycharm/chat-streamed", update=False)


def test_a_name_that_no_situation_has_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="claude-code/plain-answer"):
        _chosen(tmp_path, "no such thing", update=False)
