from harness.report.charts import as_columns, charts
from tests.harness.report.runs import gate, load


def drawn(**trees):
    return {chart.id: chart for chart in charts(trees)}


def test_percentile_curves_of_both_are_drawn_and_what_has_no_points_is_not():
    found = drawn(load=load())
    assert {"percentiles-ttft", "percentiles-whole", "rss", "cpu"} == set(found)
    ttft = as_columns(found["percentiles-ttft"])
    assert ttft["names"] == ["baseline", "candidate"]
    assert ttft["columns"][0] == [0.301, 1.0, 2.0] and ttft["columns"][1] == [300.0, 400.0, 510.0]


def test_processor_time_is_drawn_as_cores():
    assert [cores for _, cores in drawn(load=load())["cpu"].series[0].points] == [0.5] * 4


def test_throughput_is_drawn_against_concurrency_as_the_gate_has_measured_it():
    assert drawn(gate=gate())["throughput"].series[0].points == [(50, 25.0), (75, 37.5), (100, 50.0)]


def test_a_soak_is_drawn_over_minutes():
    assert [minute for minute, _ in drawn(soak={"rss_mib": [300.0, 301.0, 302.0]})["soak"].series[0].points] == [
        0,
        0.5,
        1,
    ]


def test_without_a_load_run_the_gates_own_is_drawn_beside_the_upstream_alone():
    window = {**load()["windows"][1], "samples": []}
    found = drawn(gate_load={"windows": load()["windows"][1:2], "direct": window})
    assert [one.name for one in found["percentiles-ttft"].series] == ["candidate", "the upstream alone"]
    assert [one.name for one in found["rss"].series] == ["candidate"]


def test_what_was_not_measured_has_no_chart():
    assert drawn(load=None, gate=None, soak=None) == {}


def test_series_with_other_points_have_gaps():
    tree = load()
    tree["windows"][1]["percentiles"] = {"ttft": [[0.9, 390.0], [0.999, 800.0]], "whole": [], "itl": []}
    columns = as_columns(drawn(load=tree)["percentiles-ttft"])["columns"]
    assert columns == [[0.301, 1.0, 2.0, 3.0], [300.0, 400.0, 510.0, None], [None, 390.0, None, 800.0]]


def test_several_windows_of_one_target_are_one_curve_of_medians():
    tree = load()
    slow = {**tree["windows"][1], "percentiles": {"ttft": [[0.5, 500.0], [0.9, 600.0]], "whole": [], "itl": []}}
    tree["windows"].append(slow)
    assert drawn(load=tree)["percentiles-ttft"].series[1].points[:2] == [(0.301, 400.0), (1.0, 500.0)]


def test_a_load_run_with_a_ramp_shows_both_targets_against_concurrency():
    tree = load()
    tree["measured_as"] = {"shape": "ramp"}
    for window in tree["windows"]:
        window["steps"] = [{"users": n, "throughput": n * 0.9, "ttft_p95_ms": None} for n in (10, 20)]
    found = drawn(load=tree, gate=gate())
    assert [(one.name, one.points) for one in found["throughput"].series] == [
        ("baseline", [(10, 9.0), (20, 18.0)]),
        ("candidate", [(10, 9.0), (20, 18.0)]),
    ]
    assert "ttft_p95_ms" not in found


def test_users_that_had_still_to_come_are_no_step_of_a_steady_load():
    tree = load()
    for window in tree["windows"]:
        window["steps"] = [{"users": n, "throughput": n * 0.9, "ttft_p95_ms": None} for n in (7, 50)]
    assert "throughput" not in drawn(load=tree)
