import gzip
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk_proxy.content_coding import PIECE, BrokenBody, Decoder, UnknownCoding, decoder_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "br": brotli.compress,
}
every_coding = pytest.mark.parametrize("coding", CODERS)


def decoded(coding: str, pieces: list[bytes]) -> tuple[bytes, bool]:
    """All that it says, and whether it has ended."""
    decoder, said = Decoder(coding), b""
    for piece in pieces:
        decoder.feed(piece)
        while more := decoder.read():
            said += more
    return said, decoder.is_complete


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


@given(body=st.binary(max_size=3000), size=st.integers(1, 4000), coding=st.sampled_from(sorted(CODERS)))
def test_a_body_comes_out_as_it_went_in_however_it_is_cut(body: bytes, size: int, coding: str) -> None:
    assert decoded(coding, in_pieces(CODERS[coding](body), size)) == (body, True)


@every_coding
def test_a_piece_of_what_grows_is_small(coding: str) -> None:
    decoder = Decoder(coding)
    decoder.feed(CODERS[coding](bytes(20_000_000)))
    tracemalloc.start()
    sizes = [len(piece) for piece in iter(decoder.read, b"")]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (sum(sizes), decoder.is_complete) == (20_000_000, True)
    assert max(sizes) <= 2 * PIECE
    assert peak < 1_000_000


@every_coding
def test_a_body_that_ends_too_early_is_not_complete(coding: str) -> None:
    body = random.Random(1).randbytes(1000)
    said, is_complete = decoded(coding, [CODERS[coding](body)[:-9]])
    assert (body.startswith(said), is_complete) == (True, False)


@every_coding
def test_what_was_never_coded_is_broken(coding: str) -> None:
    with pytest.raises(BrokenBody):
        decoded(coding, [b'{"model":"gpt-5","messages":[]}'])


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_several_members_are_one_body(coding: str) -> None:
    coder = CODERS[coding]
    assert decoded(coding, [coder(b"a") + coder(b"") * 3000, coder(b"b")]) == (b"ab", True)


@every_coding
def test_what_is_behind_the_end_is_broken(coding: str) -> None:
    with pytest.raises(BrokenBody):
        decoded(coding, [CODERS[coding](b"a") + b"more of it"])


def test_a_window_that_its_decoder_would_have_to_keep_is_broken() -> None:
    """RFC 9659: at most 8 MB."""
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    coder = zstd.ZstdCompressor(options=options)
    with pytest.raises(BrokenBody):
        decoded("zstd", [coder.compress(bytes(1000)), coder.flush()])


@pytest.mark.parametrize("value", ["", "identity", " , identity"])
def test_a_plain_body_has_no_decoder(value: str) -> None:
    assert decoder_of(value) is None


@pytest.mark.parametrize("value", ["gzip", "GZIP", " gzip , identity", "x-gzip"])
def test_a_coding_is_known_however_it_is_written(value: str) -> None:
    assert decoder_of(value) is not None


@pytest.mark.parametrize("value", ["compress", "gzip, gzip", "gzip, br", "zip"])
def test_an_unknown_coding_and_several_are_refused(value: str) -> None:
    with pytest.raises(UnknownCoding):
        decoder_of(value)
