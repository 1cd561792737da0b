import pytest

from harness.report.places import anywhere, places, shown, sides


def scenario(name, *differences):
    return {"id": name, "differences": list(differences), "noise": []}


def difference(path, kind="changed", declared_by=None):
    return {"path": path, "kind": kind, "baseline": 1, "candidate": 2, "declared_by": declared_by}


def test_the_same_difference_in_many_scenarios_is_one_place_and_the_most_frequent_comes_first():
    found = places(
        [
            scenario("a", difference("/x/1"), difference("/client/0/y"), difference("/client/1/y")),
            scenario("b", difference("/client/7/y")),
            scenario("c", difference("/client/0/y", "missing"), difference("/client/0/y", declared_by="d")),
        ]
    )
    assert [(place.where, place.kind, place.scenarios) for place in found] == [
        ("/client/*/y", "changed", ("a", "b")),
        ("/x/*", "changed", ("a",)),
        ("/client/*/y", "missing", ("c",)),
    ]
    assert found[0].example["path"] == "/client/0/y"


def test_a_place_is_a_pattern_for_a_declaration():
    assert anywhere("/client/0/response/stream/events/12/data/id") == "/client/*/response/stream/events/*/data/id"


@pytest.mark.parametrize(
    ("kind", "shown_as"),
    [
        ("changed", [("baseline", "1"), ("candidate", "2")]),
        ("missing", [("baseline", "1"), ("candidate", "(nothing)")]),
        ("extra", [("baseline", "(nothing)"), ("candidate", "2")]),
    ],
)
def test_a_side_that_has_nothing_says_so(kind, shown_as):
    assert sides(difference("/x", kind)) == shown_as


def test_a_value_cannot_command_a_terminal_and_can_always_be_written():
    assert shown("a\x1b[31m\x9b\u202e\ud800ä\n") == '"a\\u001b[31m\\u009b\\u202e\\ud800ä\\n"'
