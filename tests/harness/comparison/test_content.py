import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.compare import same
from harness.comparison.content import _exact, _refused, _too_deep, _unique, decoded, readable, tree_or_text, written
from tests.harness.comparison.strategies import JSON

TEXT = b'{"a": [1, 2.5, null]}' * 20


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        (None, TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
    ],
    # Of the packed bytes there would be the time in the ids, and two workers would not collect the same tests.
    ids=["none", "identity", "gzip", "members", "zlib", "raw", "twice"],
)
def test_a_content_encoding_is_undone(encoding, packed):
    assert decoded(packed, encoding) == TEXT


def test_of_a_gzip_body_that_was_cut_what_came_is_read():
    packed = gzip.compress(bytes(range(256)) * 40)
    part = decoded(packed[: len(packed) - 20], "gzip")
    assert part and (bytes(range(256)) * 40).startswith(part)


@pytest.mark.parametrize(("encoding", "body"), [("br", b"x"), ("zstd", b"x"), ("gzip", b"plain text")])
def test_what_cannot_be_undone_is_said_to_be_so(encoding, body):
    assert decoded(body, encoding) is None


@pytest.mark.parametrize(
    ("body", "tree"), [(b' {"a": [1]}\n', {"a": [1]}), (b"[]", []), ('{"ä":"\\ud83d"}'.encode(), {"ä": "\ud83d"})]
)
def test_json_objects_and_arrays_are_trees(body, tree):
    assert readable(body) == tree


@pytest.mark.parametrize(
    ("digits", "read"),
    [
        ("0.1234567890123456789012", "number 0.1234567890123456789012"),
        ("0.12345678901234568", 0.12345678901234568),
        ("0.12345678901234567", "number 0.12345678901234567"),
        ("1234567.8901234567", 1234567.8901234567),
        ("0.30000000000000004", 0.30000000000000004),
        ("1.50", 1.5),
        ("-12e1", -120.0),
        ("9007199254740993", 9007199254740993),
        ("18446744073709551617", 18446744073709551617),
        ("-9223372036854775809", -9223372036854775809),
    ],
)
def test_no_digit_of_a_number_is_lost(digits, read):
    (found,) = readable(f"[{digits}]".encode())
    assert (type(found), found) == (type(read), read)


@pytest.mark.parametrize(
    "text",
    ['"1"', "1", "null", "", "{", '{"a":1,"a":2}', '{"a":NaN}', "[1e999]", "<html>", "[" * 200 + "]" * 200, "[" * 9000],
    ids=lambda text: text[:12],
)
def test_everything_else_stays_the_text_that_it_was(text):
    assert readable(text.encode()) == text


def test_bytes_that_are_no_text_are_base64():
    assert readable(b"\xff\x00") == "base64:/wA="


_NUMBERS = ["1e3", "-0", "1.0", "12345678901234567890", "1e400", "NaN", "0.1234567890123456789"]
_KEYS = ['{"a":1', '"a":2', '"b"', '"\\\\":', '"x\\":1"', '"\\ud800"', '"é"', "\ufeff"]
_PIECES = st.sampled_from([*_NUMBERS, *_KEYS, ":", ",", "}", "[", "]", " ", "\n", "null", "true"])
_MADE = st.lists(_PIECES, max_size=8).map("".join)


def _slowly(text):
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused, parse_float=_exact)
    except (ValueError, RecursionError):
        return text
    return text if _too_deep(value) else value


@given(
    st.lists(_PIECES, max_size=8).map("".join) | JSON.map(json.dumps) | JSON.map(lambda tree: json.dumps([tree, {}]))
)
def test_the_fast_reader_reads_what_the_slow_one_reads(text):
    assert same(tree_or_text(text), _slowly(text))


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ('{"a":1,"b":"é"}', []),
        ('{"a": 1}', ["blanks"]),
        ('[{"a" : 1}]', ["blanks"]),
        ('{"a":"\\u00e9"}', ["escapes"]),
        ('{"a":1}\n', ["line end"]),
        ('{"a":"b\\": c"}', []),
        ("[1, 2]", []),
        ("[DONE]", []),
    ],
)
def test_two_texts_that_say_the_same_can_be_written_in_several_ways(text, ways):
    assert written(text) == ways
