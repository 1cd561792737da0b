import json
from html import escape
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.redaction import Redaction

SECRET = 'sk-"parity"/ä<&>\'\\end'


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps({"inner": json.dumps({"key": SECRET})}),
        escape(SECRET),
        escape(SECRET, quote=False),
        quoteattr(SECRET),
        quote(SECRET, safe=""),
    ],
)
def test_a_secret_is_blanked_out_in_every_spelling(spelling):
    found = Redaction([SECRET]).text(f"before {spelling} after")
    assert "***" in found
    assert "parity" not in found
    assert found.startswith("before ")
    assert found.endswith(" after")


def test_a_secret_that_begins_like_another_one_leaves_no_rest():
    assert Redaction(["sk-abcd", "sk-abcd-efgh"]).text("sk-abcd-efgh") == "***"


def test_trees_are_blanked_out_in_keys_and_values_and_numbers_stay():
    tree = {"sk-abcd": ["x sk-abcd", {"n": 1, "b": True, "z": None}]}
    assert Redaction(["sk-abcd"]).tree(tree) == {"***": ["x ***", {"n": 1, "b": True, "z": None}]}


def test_without_secrets_and_with_empty_ones_nothing_changes():
    assert Redaction().text("text") == Redaction(["", "a"]).text("text") == "text"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4))
def test_any_secret_is_blanked_out_in_json(secret):
    assert Redaction([secret]).text(json.dumps({"key": [secret]})) == '{"key": ["***"]}'
