from harness.report.beside import faces


def tree(*headers, calls=1):
    return {
        "client": {"0": {"response": {"status": 200, "headers": dict.fromkeys(headers, "x" * 80)}}},
        "upstream": [{"request": {"path": "/v1/messages"}}] * calls,
        "effects": {"calls": [calls]},
    }


def test_each_step_each_call_and_the_side_effects_have_a_face():
    assert [face.name for face in faces(tree("a"), tree("a"), 5, 80)] == [
        "client, step 0",
        "upstream, call 0",
        "side effects",
    ]


def test_what_is_the_same_is_kept_once():
    client, *_ = faces(tree("a"), tree("a"), 5, 80)
    assert not client.differs and client.right == () and len(client.left) > 0


def test_a_line_that_only_the_candidate_has_stands_beside_nothing():
    client, *_ = faces(tree("a"), tree("a", "b"), 9, 80)
    assert client.differs
    assert [run for run in client.runs if len(run) == 2] == [(0, 1)]
    assert len(client.right) == 1 and '"b"' in client.right[0]


def test_a_call_that_only_one_target_makes_is_there():
    call = faces(tree(calls=1), tree(calls=2), 5, 80)[-1]
    assert call.name == "upstream, call 1" and call.differs


def test_long_runs_of_equal_lines_are_left_out_and_counted():
    names = [f"h{n}" for n in range(100)]
    client, *_ = faces(tree(*names), tree(*names, "new"), 3, 80)
    left_out = [-run[0] for run in client.runs if run[0] < 0]
    kept = sum(run[0] for run in client.runs if len(run) == 1 and run[0] > 0)
    whole = len(faces(tree(*names), tree(*names), 1000, 80)[0].left)
    assert left_out and sum(left_out) + kept == whole


def test_what_was_not_observed_is_no_error():
    assert [face.name for face in faces(None, None, 5, 80)] == []
