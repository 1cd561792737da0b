"""CI notices a slowdown of the pure paths without a clock: `python -m tests.sdk_proxy.work` renews what is allowed."""

from copy import deepcopy
from typing import Any

import pytest

from sdk_proxy import learnt
from sdk_proxy.same_format import ChatEvents
from tests.sdk_proxy.work import PATHS, each, measured, over


def test_no_pure_path_does_more_than_is_allowed() -> None:
    assert over(measured()) == []


@pytest.mark.parametrize("name", PATHS)
def test_the_work_is_the_same_every_time(name: str) -> None:
    assert each(PATHS[name]) == pytest.approx(each(PATHS[name]), rel=0.01)


def test_an_event_that_is_told_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    told = ChatEvents._told

    def twice(self: ChatEvents, data: bytes) -> Any:
        state = deepcopy(self)
        return told(self, data) if told(state, data) else None

    monkeypatch.setattr(ChatEvents, "_told", twice)
    assert any("chat" in line for line in over(measured()))


def test_a_shape_that_is_taken_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = learnt._shape
    monkeypatch.setattr(learnt, "_shape", lambda *given: (shape(*given), shape(*given))[0])
    assert any("shape" in line for line in over(measured()))


def test_a_path_that_nobody_measures_any_more_is_told() -> None:
    assert any("nobody measures it" in line for line in over({}))
