import pytest

from harness.report.figures import figure, short, when


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (512.34, "512"),
        (51.26, "51.3"),
        (0.123, "0.12"),
        (2.0, "2"),
        ("x", "x"),
    ],
)
def test_a_figure_has_as_many_digits_as_say_something(value, text):
    assert figure(value) == text


def test_times_and_commits_are_short():
    assert when("2026-11-23T07:49:34+00:00") == "2026-11-23 07:49 UTC" and when(None) == "-"
    assert short("0123456789abcdef") == "0123456789" and short(None) == "unknown"
