from harness.model import Chunk, Effects, Exchange, Failure, Observation, Request, Response, Role
from harness.report.timeline import lanes


def seen(client, upstream=()):
    return Observation("a/b", "sdk", Role.CANDIDATE, tuple(client), tuple(upstream), Effects())


def stream(*times, at=0.0, failure=None):
    chunks = tuple(Chunk(time, b'event: delta\ndata: {"type":"delta"}\n\n') for time in times)
    return Exchange(Request("POST", "/"), Response(200, (), chunks, failure), 0, at)


def test_events_are_told_in_milliseconds_from_the_first_request():
    [lane] = lanes(seen([stream(0.01, 0.03, at=0.1)]), 50)
    assert (lane.start, lane.end, lane.how) == (100.0, 130.0, "200")
    assert lane.ticks == ((110.0, "delta"), (130.0, "delta"))


def test_the_upstream_comes_behind_the_client_in_the_order_of_its_calls():
    found = lanes(seen([stream(0.5)], [stream(at=0.4), stream(at=0.2)]), 50)
    assert [(lane.name, lane.start) for lane in found] == [
        ("client 0", 0.0),
        ("upstream 0", 200.0),
        ("upstream 1", 400.0),
    ]


def test_how_it_ended_is_told():
    cut = stream(0.1, failure=Failure("cut", "too short"))
    refused = Exchange(Request("GET", "/"), Failure("refused", "no"), 1, 0.0)
    assert [lane.how for lane in lanes(seen([cut, refused]), 50)] == ["200, cut", "refused"]


def test_of_many_events_the_first_and_the_last_are_kept():
    [lane] = lanes(seen([stream(*[n / 1000 for n in range(100)])]), 10)
    assert len(lane.ticks) == 10 and lane.left_out == 90
    assert lane.ticks[0][0] == 0.0 and lane.ticks[-1][0] == 99.0


def test_an_event_is_called_by_its_kind_never_by_its_words():
    chunks = [b'data: {"type":"ping"}\n\n', b"data: a secret of somebody\n\n", b"data: [DONE]\n\n", b"half"]
    exchange = Exchange(Request("POST", "/"), Response(200, (), tuple(Chunk(0.0, chunk) for chunk in chunks)))
    [lane] = lanes(seen([exchange]), 50)
    assert [label for _, label in lane.ticks] == ["ping", "text", "[DONE]", "4 bytes"]
