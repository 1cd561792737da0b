import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.model import Chunk, Effects, Exchange, Failure, Observation, Request, Response, Role
from harness.observation.store import at, from_line, lines, read, to_line, writing

TIMES = st.floats(0, 1e6)
LATIN = st.text(st.characters(max_codepoint=255), max_size=12)
BODIES = st.binary(max_size=40) | st.text(max_size=40).map(str.encode)
HEADERS = st.lists(st.tuples(LATIN, LATIN), max_size=4).map(tuple)
NOTES = st.lists(st.text(max_size=12), max_size=3).map(tuple)
FAILURES = st.builds(Failure, st.sampled_from(["refused", "timeout", "cut", "left"]), st.text(max_size=12))
REQUESTS = st.builds(Request, LATIN, LATIN, HEADERS, BODIES)
CHUNKS = st.lists(st.builds(Chunk, TIMES, BODIES), max_size=3).map(tuple)
RESPONSES = st.builds(Response, st.integers(100, 599), HEADERS, CHUNKS, st.none() | FAILURES)
EXCHANGES = st.lists(st.builds(Exchange, REQUESTS, RESPONSES | FAILURES, st.integers(0, 9), TIMES), max_size=3)
EFFECTS = st.builds(Effects, st.lists(st.integers(0, 9), max_size=3).map(tuple), NOTES, NOTES, NOTES, NOTES)
OBSERVATIONS = st.builds(
    Observation,
    st.text(max_size=12),
    st.text(max_size=12),
    st.sampled_from(Role),
    EXCHANGES.map(tuple),
    EXCHANGES.map(tuple),
    EFFECTS,
    st.none() | st.text(max_size=12),
)
ONE = Observation("client/one", "baseline", Role.BASELINE, (), (), Effects())


@given(OBSERVATIONS)
def test_what_is_written_is_read_again(observation: Observation) -> None:
    assert from_line(to_line(observation)) == observation


@given(OBSERVATIONS)
def test_an_observation_is_one_line(observation: Observation) -> None:
    assert to_line(observation).count(b"\n") == 1


def test_a_body_that_is_text_can_be_read_by_people() -> None:
    exchange = Exchange(Request("POST", "/", (), '{"a":"é"}'.encode()), Failure("cut", ""))
    line = to_line(Observation("s", "t", Role.AGAIN, (exchange,), (), Effects()))
    assert r'"body":"{\"a\":\"é\"}"'.encode() in line


def test_writing_appends_and_every_line_is_there_at_once(tmp_path: Path) -> None:
    file = tmp_path / "runs" / "observations.ndjson"
    with writing(file) as write:
        write(ONE)
        assert list(read(file)) == [ONE]
    with writing(file) as write:
        write(ONE)
    assert list(read(file)) == [ONE, ONE]


def test_a_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "observations.ndjson"
    big = Exchange(Request("POST", "/", (), b"x" * 200_000), Failure("cut", ""))
    with writing(file) as write:
        for _ in range(200):
            write(Observation("s", "t", Role.AGAIN, (big,), (), Effects()))
    gc.collect()
    tracemalloc.start()
    assert sum(1 for _ in read(file)) == 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < file.stat().st_size / 4


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda line: line[:-10], "not a whole line"),
        (lambda line: line[:-10] + b"\n", "not an observation"),
        (lambda line: b"[]\n", "not an observation"),
        (lambda line: line.replace(b'"baseline","client"', b'"boss","client"'), "not an observation"),
        (lambda line: line.replace(b'"effects"', b'"side_effects"'), "not an observation"),
    ],
)
def test_a_damaged_line_is_named_with_its_file(tmp_path: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    file = tmp_path / "observations.ndjson"
    file.write_bytes(to_line(ONE) + damage(to_line(ONE)))
    with pytest.raises(BadInput, match=words) as caught:
        list(read(file))
    assert str(caught.value).startswith(f"{file}:2: ")


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.ndjson: cannot be read"):
        list(read(tmp_path / "none.ndjson"))


@given(st.lists(OBSERVATIONS, max_size=4))
def test_a_line_can_be_read_by_itself(tmp_path_factory: pytest.TempPathFactory, several: list[Observation]) -> None:
    file = tmp_path_factory.mktemp("stored") / "observations.ndjson"
    file.write_bytes(b"".join(map(to_line, several)))
    found = list(lines(file))
    assert [(one.scenario, one.role, one.attempt, one.number) for one in found] == [
        (each.scenario, each.role, each.attempt, number) for number, each in enumerate(several, start=1)
    ]
    with file.open("rb") as stream:
        assert [at(stream, one, file) for one in reversed(found)] == several[::-1]


def test_a_line_of_an_earlier_version_has_no_format_and_is_read(tmp_path: Path) -> None:
    file = tmp_path / "observations.ndjson"
    file.write_bytes(to_line(ONE).replace(b'"format":1,', b""))
    assert list(read(file)) == [ONE]
    assert [one.scenario for one in lines(file)] == [ONE.scenario]


@pytest.mark.parametrize("reader", [read, lines])
def test_a_format_that_is_not_known_is_named_with_its_line(tmp_path: Path, reader: Callable[[Path], object]) -> None:
    file = tmp_path / "observations.ndjson"
    file.write_bytes(to_line(ONE) + to_line(ONE).replace(b'"format":1,', b'"format":7,'))
    with pytest.raises(BadInput, match=r"ndjson:2: .*format 7 is not known, this version reads 1"):
        list(reader(file))  # type: ignore[call-overload]


def test_a_file_that_ends_in_the_middle_of_a_line_is_said_to_be_interrupted(tmp_path: Path) -> None:
    file = tmp_path / "observations.ndjson"
    file.write_bytes(to_line(ONE) + to_line(ONE)[:-10])
    with pytest.raises(BadInput, match=r"ndjson:2: is not a whole line"):
        list(lines(file))
