from collections.abc import Iterable
from dataclasses import replace

import pytest

from deploy.watch import MB, Sample, Thresholds, Watch, own_time, quantile

SOUND = Sample(0.0, 7, ready=True, answers=0, errors=0, cloudflare=0, memory=200 * MB, own={0.1: 0, 0.52: 0, 1.0: 0})


def seconds(**changes: object) -> list[Sample]:
    """Twenty seconds of ten answers each, and then what changes, twenty more."""
    calm = [replace(SOUND, at=float(at), answers=10 * at, own=dict.fromkeys(SOUND.own, 10 * at)) for at in range(20)]
    return calm + [replace(calm[-1], at=float(at), answers=10 * at, **changes) for at in range(20, 40)]  # type: ignore[arg-type]


def first(samples: Iterable[Sample]) -> tuple[float, str] | None:
    watch = Watch(Thresholds())
    return next(((each.at, reason) for each in samples if (reason := watch.reason(each))), None)


def test_a_healthy_one_is_left_alone_for_hours() -> None:
    assert first(replace(SOUND, at=float(at), answers=9 * at, errors=at // 10) for at in range(7200)) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"errors": 20}, " answers failed"),
        ({"memory": 351 * MB}, "351 MB of memory"),
        ({"ready": False}, "it does not say that it is ready"),
        ({"own": {0.1: 190, 0.52: 190, 1.0: 260}}, "p95 of the time before the upstream is called over 520 ms"),
    ],
)
def test_what_holds_for_five_samples_is_a_reason(changes: dict[str, object], said: str) -> None:
    found = first(seconds(**changes))
    assert found is not None
    assert (found[0], said in found[1]) == (24.0, True), found


def test_one_of_cloudflares_is_a_reason_at_once() -> None:
    assert first(seconds(cloudflare=1)) == (20.0, "1 of Cloudflare's 503 reached clients")


def test_a_blink_is_none_and_few_answers_say_nothing() -> None:
    blink = seconds()
    blink[21:25] = [replace(each, ready=False, memory=400 * MB) for each in blink[21:25]]
    assert first(blink) is None
    assert first(replace(SOUND, at=float(at), answers=at // 20, errors=at // 20) for at in range(1000)) is None


def test_where_few_ask_the_long_window_tells() -> None:
    found = first(replace(SOUND, at=float(at), answers=at // 5, errors=at // 20) for at in range(1000))
    assert found is not None
    assert found[0] < 120


def test_two_failures_are_no_rate() -> None:
    assert first(replace(SOUND, at=float(at), answers=at, errors=2 if at else 0) for at in range(1000)) is None


def test_a_burst_of_failures_that_was_over_at_once_is_forgotten() -> None:
    assert first(replace(SOUND, at=float(at), answers=100 * at, errors=9 if at else 0) for at in range(1000)) is None


def test_a_process_that_was_started_again_begins_anew() -> None:
    before = [replace(SOUND, at=float(at), answers=1000, errors=500, cloudflare=3) for at in range(3)]
    assert first([*before, *(replace(SOUND, at=3.0 + at, pid=8, answers=30 * at) for at in range(60))]) is None


def test_a_quantile_lies_within_its_bucket() -> None:
    assert quantile({0.1: 50, 0.2: 100, float("inf"): 100}, 0.75) == pytest.approx(0.15)
    assert quantile({0.1: 0, float("inf"): 10}, 0.95) == pytest.approx(0.1)
    assert quantile({0.1: 0}, 0.95) is None


def test_the_own_time_is_that_of_all_routes_and_models_of_one_port() -> None:
    name = "gateway_before_upstream_seconds"
    text = f"""# TYPE {name} histogram
{name}_bucket{{le="0.1",model="a",port="8764",route="/b"}} 3.0
{name}_bucket{{le="+Inf",model="a",port="8764",route="/b"}} 4.0
{name}_bucket{{le="0.1",model="c",port="8764",route="/b"}} 1.0
{name}_bucket{{le="0.1",model="a",port="8765",route="/b"}} 0.0
{name}_bucket{{le="+Inf",model="a",port="8765",route="/b"}} 90.0
{name}_sum{{model="a",port="8764",route="/b"}} 4.0
"""
    assert own_time(text, 8764) == {0.1: 4, float("inf"): 4}
    assert own_time(text, 8765) == {0.1: 0, float("inf"): 90}
    assert own_time(text, 876) == {}
