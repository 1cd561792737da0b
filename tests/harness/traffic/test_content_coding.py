from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.traffic.content_coding import Decoder, codings, decode, encode, without_coding

RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(b"plain") + RAW.flush()
NAMES = st.lists(st.sampled_from(["gzip", "x-gzip", "deflate", "br", "zstd"]), min_size=1, max_size=3).map(tuple)


@given(st.binary(max_size=200), NAMES, st.lists(st.integers(0, 400), max_size=4))
def test_what_was_encoded_is_decoded_in_whatever_parts_it_comes(
    data: bytes, names: tuple[str, ...], cuts: list[int]
) -> None:
    coded = encode(data, names)
    assert decode(coded, names) == data
    borders = sorted({0, len(coded), *(cut for cut in cuts if cut < len(coded))})
    decoder = Decoder(names)
    assert b"".join(decoder.decode(coded[begin:end]) for begin, end in pairwise(borders)) == data
    assert decoder.is_at_end


def test_what_servers_send_beyond_the_standard_is_read() -> None:
    assert decode(RAW_DEFLATE, ("deflate",)) == b"plain"
    assert decode(gzip.compress(b"one ") + gzip.compress(b"two"), ("gzip",)) == b"one two"
    frames = encode(b"one ", ("zstd",)) + encode(b"two", ("zstd",))
    assert decode(frames, ("zstd",)) == b"one two"


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"{}", "gzip", "not coded as gzip"),
        (gzip.compress(b"plain", mtime=0)[:-9], "gzip", "ends too early"),
        (encode(b"plain", ("zstd",))[:-2], "zstd", "ends too early"),
        (b"{}", "zstd", "not coded as zstd"),
        (b"{}", "compress", "compress, which cannot be read"),
    ],
)
def test_what_cannot_be_decoded_is_an_error(data: bytes, name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        decode(data, (name,))


def test_the_names_come_from_the_headers() -> None:
    headers = (("Content-Encoding", "GZIP, identity"), ("x", "y"), ("content-encoding", "br"))
    assert codings(headers) == ("gzip", "br")
    assert without_coding(headers) == (("x", "y"),)
