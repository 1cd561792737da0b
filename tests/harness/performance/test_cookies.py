from dataclasses import replace

from harness.performance.cookies import Phase, cookies_tree, problems

FIRST = Phase("started", 10, 1.0, {"200": 10}, {"a:1": 1, "b:1": 1}, 0, 0)
AGAIN = Phase("started again", 5, 1.0, {"200": 5}, {"a:1": 0, "b:1": 0}, 0, 0)


def test_one_challenge_for_each_origin_and_none_after_the_restart_is_right() -> None:
    assert problems([FIRST, AGAIN]) == []


def test_whatever_a_client_notices_is_a_problem() -> None:
    first = replace(FIRST, outcomes={"200": 9, "503": 1}, shown=1)
    assert problems([first, AGAIN]) == [
        "started: 1 requests ended with 503",
        "started: 1 answers set the client a cookie",
    ]


def test_a_second_challenge_is_a_problem_before_and_after_the_restart() -> None:
    first, again = replace(FIRST, challenges={"a:1": 2}), replace(AGAIN, challenges={"a:1": 1})
    assert problems([first, again]) == [
        "a:1 has challenged 2 times, not once",
        "a:1 has challenged 1 times after the restart",
    ]


def test_a_cookie_at_another_origin_is_a_problem() -> None:
    assert problems([FIRST, replace(AGAIN, strange=3)]) == [
        "started again: 3 cookies came to an origin that had not set them"
    ]


def test_an_upstream_that_never_challenged_proves_nothing() -> None:
    assert problems([replace(FIRST, challenges={}), AGAIN]) == ["no origin has challenged: nothing was measured"]


def test_the_report_holds_the_figures_and_the_problems() -> None:
    tree = cookies_tree([FIRST, AGAIN], {"workers": 2})
    assert (tree["how"], tree["phases"][0]["challenges"], tree["problems"]) == (
        {"workers": 2},
        {"a:1": 1, "b:1": 1},
        [],
    )
