from harness.report.trend import trends


def run(**values):
    return {"lines": {metric: {"value": value, "unit": "ms"} for metric, value in values.items()}}


def test_a_figure_that_two_runs_have_has_a_trend():
    [one] = trends([run(latency=500.0), run(latency=400.0), run(latency=450.0)])
    assert (one.first, one.last, one.lowest, one.highest, one.unit) == (500.0, 450.0, 400.0, 500.0, "ms")
    assert one.path.startswith("M4.0 4.0 L120.0 32.0")


def test_one_run_is_no_trend_and_words_have_none():
    assert trends([run(latency=500.0, cookies="works"), run(cookies="works")]) == []


def test_what_was_not_measured_in_between_is_left_out():
    [one] = trends([run(latency=500.0), run(latency=None), run(latency=400.0)])
    assert one.path.count("L") == 1


def test_what_does_not_move_is_a_line_in_the_middle():
    [one] = trends([run(n=1), run(n=1)])
    assert one.path == "M4.0 18.0 L236.0 18.0"
