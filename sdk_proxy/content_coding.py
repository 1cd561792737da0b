"""Content codings of request bodies (RFC 9110, section 8.4.1), decoded piece by piece: however much a body grows, no
more of it is in memory than its reader keeps."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 64 * 1024  # bytes that one `read` gives at most (brotli: about so many)
_LARGEST_WINDOW = 23  # log2 of the bytes that a zstd frame may look back, which its decoder keeps (RFC 9659, section 3)
_ZSTD_OPTIONS: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW}


class BrokenBody(ValueError):
    """A body that is not what its coding says, or that ends too early."""


class UnknownCoding(ValueError):
    """A coding that is not in CODINGS, or several of them."""


class _Decompressor(Protocol):
    """As the decompressors of Python's bz2, lzma and compression.zstd."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Zlib:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # of gzip or zlib, as its first bytes say

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


class _Brotli:
    unused_data = b""  # more than its one stream is an error

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return bool(self._stream.is_finished())

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        self._waiting += data
        taken = b""
        if self._stream.can_accept_more_data():
            taken, self._waiting = self._waiting, b""
        return bytes(self._stream.process(taken, output_buffer_limit=max_length))


CODINGS: Mapping[str, Callable[[], _Decompressor]] = {
    "gzip": _Zlib,
    "x-gzip": _Zlib,
    "deflate": _Zlib,
    "zstd": lambda: zstd.ZstdDecompressor(options=_ZSTD_OPTIONS),
    "br": _Brotli,
}


class Decoder:
    """What a body says, `PIECE` by `PIECE`: `feed` it as it comes, and `read` until there is nothing."""

    def __init__(self, coding: str) -> None:
        self._make = CODINGS[coding]
        self._stream = self._make()
        self._held = b""

    @property
    def is_complete(self) -> bool:
        return self._stream.eof and not self._held

    def feed(self, data: bytes) -> None:
        self._held += data

    def read(self) -> bytes:
        """Return b"" where more input is needed. Raises BrokenBody."""
        piece = b""
        try:
            while not piece:
                if self._stream.eof and self._held:
                    self._stream = self._make()  # one more member (RFC 1952, section 2.2), or frame (RFC 8878)
                if self._stream.eof:
                    break
                data, self._held = self._held, b""
                piece = self._stream.decompress(data, PIECE)
                if self._stream.eof:
                    self._held = self._stream.unused_data
                elif not piece:
                    break
        except (zlib.error, zstd.ZstdError, brotli.error) as error:
            raise BrokenBody from error
        return piece


def decoder_of(content_encoding: str) -> Decoder | None:
    """None: the body is as it is said. Raises UnknownCoding."""
    codings = [name for each in content_encoding.split(",") if (name := each.strip().lower()) not in ("", "identity")]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in CODINGS:
        raise UnknownCoding
    return Decoder(codings[0])
