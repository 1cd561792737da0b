import pytest

from harness.comparison.arrival import bursts, paces
from harness.model import Chunk, Effects, Exchange, Observation, Request, Response, Role

PACE = [0.005 * number for number in range(12)]


def observed(client, upstream=PACE):
    def exchange(moments):
        return Exchange(Request("POST", "/v1/messages"), Response(200, (), tuple(Chunk(at, b"x") for at in moments)))

    return Observation("a/b", "t", Role.BASELINE, (exchange(client),), (exchange(upstream),), Effects())


def test_chunks_that_come_at_the_upstreams_pace_are_a_burst_each():
    assert bursts(observed([at + 0.002 for at in PACE])) == {0: 12}


def test_chunks_that_come_together_are_one_burst():
    assert bursts(observed([0.06 + at / 1000 for at in PACE])) == {0: 1}


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
