import pytest

from harness.model import Chunk, Failure, Request, Response
from harness.trials.findings import faults, sung, tracebacks

REQUEST = Request("POST", "/v1/messages")
TIMEOUT = Failure("timeout", "not complete after 30 s")


def answer(status, body=b"", failure=None):
    return Response(status, (), (Chunk(0.0, body),), failure)


def found(baseline, candidate):
    return [fault.what.partition(",")[0].partition(":")[0] for fault in faults(REQUEST, baseline, candidate)]


@pytest.mark.parametrize(
    ("baseline", "candidate", "what"),
    [
        (answer(400), answer(400), []),
        (answer(400), answer(401), ["401"]),
        (answer(500), answer(400), ["400"]),
        (TIMEOUT, answer(400), []),
        (answer(500), answer(500), []),
        (answer(400), answer(500), ["500"]),
        (TIMEOUT, answer(500), []),
        (answer(400), TIMEOUT, ["timeout"]),
        (TIMEOUT, TIMEOUT, []),
        (answer(200), answer(200, failure=Failure("cut", "closed")), ["200"]),
        (answer(400), answer(400, b"Traceback (most recent call last):\n"), ["400 with a traceback in its body"]),
    ],
)
def test_a_fault_is_what_only_the_candidate_does(baseline, candidate, what):
    assert found(baseline, candidate) == what


def test_of_a_traceback_in_a_log_the_exception_is_told_and_not_what_it_says():
    log = b'{"id": 1}\nTraceback (most recent call last):\n  File "x"\n    y\nValueError: a secret\n{"id": 2}\n'
    assert tracebacks(log) == ("ValueError",)
    assert tracebacks(b"all is well") == ()


def test_a_secret_is_found_in_files_and_in_texts(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("a sk-1 b")
    assert sung({"key": "sk-1", "cookie": "c-1"}, [log, tmp_path], {"metrics": b"c-1"}) == (
        f"key in {log}",
        "cookie in metrics",
    )
