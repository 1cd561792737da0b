import pytest

from harness.comparison.arrival import bursts, held_up, is_lag, lags, late_streams, paces
from harness.model import Chunk, Effects, Exchange, LateStreams, Observation, Request, Response, Role

PACE = [0.005 * number for number in range(12)]


def observed(client, upstream=PACE, began=0.0):
    def exchange(moments, at=0.0):
        response = Response(200, (), tuple(Chunk(moment - at, b"x") for moment in moments))
        return Exchange(Request("POST", "/v1/messages"), response, at=at)

    return Observation("a/b", "t", Role.BASELINE, (exchange(client),), (exchange(upstream, began),), Effects())


def test_chunks_that_come_at_the_upstreams_pace_are_a_burst_each():
    assert bursts(observed([at + 0.002 for at in PACE])) == {0: 12}


def test_chunks_that_come_together_are_one_burst():
    assert bursts(observed([0.06 + at / 1000 for at in PACE])) == {0: 1}


def test_a_slow_machine_that_comes_late_with_every_second_event_makes_no_bursts():
    """The upstream waits for its client: late with one, and the next one is there at once."""
    upstream, client, now = [], [], 0.0
    for number in range(12):
        upstream.append(now)
        client.append(now + (0.009 if number % 2 else 0.0005))
        now = max(now + 0.005, client[-1] + 0.0001)
    assert bursts(observed(client, upstream)) == {0: 12}
    assert [*paces(observed([at + 0.002 for at in PACE]), observed(client, upstream))] == []


def test_both_sides_are_on_one_clock_whenever_the_upstream_was_called():
    assert bursts(observed([at + 1.002 for at in PACE], [at + 1 for at in PACE], began=0.9)) == {0: 12}


def test_there_is_no_pace_where_the_upstream_said_one_thing():
    assert bursts(observed(PACE, upstream=[0.1])) == {}


@pytest.mark.parametrize(
    "late",
    [
        [0.06] * 12,  # buffered
        [0.02 * (1 + number // 4) for number in range(12)],  # in fours
        [*PACE[:3], *[0.06] * 9],  # held back from the fourth on
    ],
)
def test_events_that_come_in_fewer_bursts_than_from_the_baseline_are_a_difference(late):
    (found,) = paces(observed(PACE), observed(late))
    assert found.path == "/client/0/response/stream/bursts"
    assert found.baseline == 12
    (back,) = paces(observed(late), observed(PACE))
    assert (back.baseline, back.candidate) == (found.candidate, found.baseline)


def test_a_busy_machine_that_merges_two_or_three_is_no_difference():
    merged = [*PACE[:4], PACE[4], PACE[4], *PACE[6:9], PACE[9], PACE[9], PACE[9]]
    assert [*paces(observed(PACE), observed(merged))] == []


def test_a_short_stream_has_no_pace_to_speak_of():
    assert [*paces(observed(PACE[:4], PACE[:4]), observed([0.02] * 4, PACE[:4]))] == []


def test_what_a_gateway_holds_up_is_counted_over_a_whole_step():
    steady = observed([at + 0.002 for at in PACE])
    assert held_up(steady)[0] == pytest.approx(12 * 0.002)
    assert held_up(observed([*[at + 0.002 for at in PACE[:-1]], 2.1]))[0] == pytest.approx(11 * 0.002 + 2.1 - PACE[-1])


def test_the_upstreams_own_pauses_and_those_before_another_try_are_not_the_gateways():
    slow = [at * 100 for at in PACE]
    assert held_up(observed([at + 0.001 for at in slow], slow))[0] == pytest.approx(0.012)
    request = Request("POST", "/v1/messages")
    calls = tuple(Exchange(request, Response(503, (), (Chunk(0.0, b"x"),)), at=at) for at in (0.1, 3.1))
    client = Exchange(request, Response(503, (), (Chunk(3.2, b"x"),)))
    assert held_up(Observation("a/b", "t", Role.BASELINE, (client,), calls, Effects()))[0] == pytest.approx(0.2)


@pytest.mark.parametrize(("late", "found"), [(0.5, []), (0.9, []), (1.1, ["/client/0/response/late"])])
def test_a_second_more_than_the_baseline_is_a_lag(late, found):
    steady, other = observed([at + 0.002 for at in PACE]), observed([at + 0.002 + late for at in PACE])
    assert [each.path for each in lags(steady, other)] == found
    assert all(is_lag(each) for each in lags(steady, other))
    assert [*lags(other, steady)] == []


def test_a_stall_counts_whole_though_the_upstream_says_more_meanwhile() -> None:
    upstream, client = [0.1, 0.2, 0.5, 0.8], [0.11, 2.2, 2.2, 2.2]
    assert held_up(observed(client, upstream))[0] == pytest.approx(
        0.1 + 0.01 + 2.0
    )  # until it called, and from each piece to its own


def streamed(*late, kind="text/event-stream"):
    """A step for each number: the seconds by which its only event came late."""
    answers = tuple(Response(200, (("content-type", kind),), (Chunk(seconds, b"x"),)) for seconds in late)
    exchanges = tuple(Exchange(Request("POST", "/"), answer, step=n, at=9.0 * n) for n, answer in enumerate(answers))
    return Observation("a/b", "t", Role.BASELINE, exchanges, (), Effects())


def test_a_stream_is_late_that_is_late_on_one_target_alone():
    baseline, again = streamed(0.1, 3.0, 0.1, 2.0, 0.1), streamed(0.1, 0.1, 0.1, 2.0, 0.1)
    candidate = streamed(0.1, 0.1, 3.0, 2.5, 0.9)
    assert late_streams(baseline, again, candidate) == LateStreams(5, baseline=1, candidate=1)
    assert late_streams(candidate, again, baseline) == LateStreams(5, baseline=1, candidate=1)


def test_only_streams_that_all_have_answered_are_counted():
    left_out = streamed(0.1)
    assert late_streams(streamed(0.1, 0.1), left_out, streamed(3.0, 3.0)) == LateStreams(1, candidate=1)
    whole = streamed(0.1, kind="application/json")
    assert late_streams(whole, whole, streamed(3.0)) == LateStreams()
