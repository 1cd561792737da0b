import pytest

from harness.model import Absent, Difference, Severity
from harness.verdict.severity import severity_of

ABSENT = Absent.ABSENT
ANSWER, CALL = "/client/0/response", "/upstream/1/request"


@pytest.mark.parametrize(
    "difference",
    [
        Difference(f"{ANSWER}/written", ["blanks"], ABSENT),
        Difference(f"{ANSWER}/written/0", ABSENT, "escapes"),
        Difference(f"{ANSWER}/stream/framing/written/1", "blanks", ABSENT),
        Difference(f"{CALL}/written/0", ABSENT, "line end"),
        Difference(f"{ANSWER}/capitals", ABSENT, ["Content-Type"]),
        Difference(f"{ANSWER}/capitals/0", "X-A", "X-a"),
        Difference(f"{ANSWER}/transfer", "length", "chunked"),
        Difference(f"{ANSWER}/transfer", "chunked", "length"),
        Difference(f"{ANSWER}/stream/torn/0", ABSENT, "events"),
        Difference(f"{ANSWER}/headers", ["a", "b"], ["b", "a"], order=True),
    ],
)
def test_what_no_client_can_see_is_cosmetic(difference: Difference) -> None:
    assert severity_of(difference) is Severity.COSMETIC


@pytest.mark.parametrize(
    "difference",
    [
        Difference(f"{ANSWER}/status", 200, 201),
        Difference(f"{ANSWER}/headers/x-a", "A", "a"),
        Difference(f"{ANSWER}/body/written", "blanks", "escapes"),  # a key of the answer's own
        Difference(f"{ANSWER}/body", ["a", "b"], ["b", "a"], order=True),
        Difference(f"{ANSWER}/transfer", "length", "length, not the body's"),
        Difference(f"{ANSWER}/transfer", "length", "none"),
        Difference(f"{ANSWER}/stream/torn/0", ABSENT, "letters"),
        Difference(f"{CALL}/capitals/0", "X-A", "X-a"),  # bot protection sees them
        Difference(f"{CALL}/headers", ["a", "b"], ["b", "a"], order=True),
        Difference(f"{CALL}/transfer", "length", "chunked"),  # not every provider takes chunks
        Difference(f"{ANSWER}/stream/framing/shapes/0", "data: ", "data:"),
    ],
)
def test_what_somebody_could_see_has_no_severity_yet(difference: Difference) -> None:
    assert severity_of(difference) is None
