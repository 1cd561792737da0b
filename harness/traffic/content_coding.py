"""Content codings (RFC 9110, section 8.4.1): gzip, deflate, br and zstd (RFC 9659)."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import brotli

from harness.model import Headers

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def codings(headers: Headers) -> tuple[str, ...]:
    """The codings of a body in the order in which they were applied, in lower case, without `identity`."""
    values = ",".join(value for name, value in headers if name.lower() == "content-encoding")
    return tuple(name for each in values.split(",") if (name := each.strip().lower()) not in ("", "identity"))


def without_coding(headers: Headers) -> Headers:
    return tuple((name, value) for name, value in headers if name.lower() != "content-encoding")


class Decoder:
    """Decode a body part by part. Raises `ValueError` for a coding that cannot be read here."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._steps = [_step(name) for name in reversed(names)]

    def decode(self, data: bytes) -> bytes:
        """What this part adds to the plain body. Raises `ValueError` for bytes that are not so coded."""
        try:
            for step in self._steps:
                data = step.decode(data)
        except Exception as error:
            raise ValueError(f"it is not coded as {', '.join(self._names)}: {error}") from error
        return data

    @property
    def is_at_end(self) -> bool:
        return all(step.is_at_end for step in self._steps)


def decode(data: bytes, names: tuple[str, ...]) -> bytes:
    """A whole body. Raises `ValueError` for bytes that are not so coded, or end too early."""
    decoder = Decoder(names)
    plain = decoder.decode(data)
    if not decoder.is_at_end:
        raise ValueError(f"coded as {', '.join(names)}, it ends too early")
    return plain


def encode(data: bytes, names: tuple[str, ...]) -> bytes:
    """The same bytes for the same data. Raises `ValueError` for a coding that cannot be written here."""
    for name in names:
        match name:
            case "gzip" | "x-gzip":
                squeeze = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
                data = squeeze.compress(data) + squeeze.flush()
            case "deflate":
                data = zlib.compress(data)
            case "br":
                data = bytes(brotli.compress(data))
            case "zstd":
                data = zstd.compress(data)
            case _:
                raise _unknown(name)
    return data


class _Step(Protocol):
    @property
    def is_at_end(self) -> bool: ...
    def decode(self, data: bytes) -> bytes: ...


def _step(name: str) -> _Step:
    match name:
        case "gzip" | "x-gzip":
            return _Members(lambda _: zlib.decompressobj(zlib.MAX_WBITS | 16))  # RFC 1952, section 2.2
        case "deflate":
            return _Members(lambda data: zlib.decompressobj(_deflate_bits(data)))
        case "br":
            return _Brotli(brotli.Decompressor())
        case "zstd":
            return _Members(lambda _: zstd.ZstdDecompressor())  # RFC 8878, section 3
        case _:
            raise _unknown(name)


class _Members:
    """A coding of which several may follow each other in one body. `open_next` makes a decompressor for the bytes."""

    def __init__(self, open_next: Callable[[bytes], Any]) -> None:
        self._open_next = open_next
        self._open: Any = None

    @property
    def is_at_end(self) -> bool:
        return self._open is not None and bool(self._open.eof)

    def decode(self, data: bytes) -> bytes:
        plain = b""
        while data:
            if self._open is None or self._open.eof:
                self._open = self._open_next(data)
            plain += self._open.decompress(data)
            data = self._open.unused_data
        return plain


def _deflate_bits(data: bytes) -> int:
    """With zlib's header, as RFC 9110 has it, or without, as some servers send it."""
    has_header = data[0] & 0x0F == 8 and (len(data) < 2 or int.from_bytes(data[:2], "big") % 31 == 0)
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS


class _Brotli:
    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor

    @property
    def is_at_end(self) -> bool:
        return bool(self._decompressor.is_finished())

    def decode(self, data: bytes) -> bytes:
        return bytes(self._decompressor.process(data))


def _unknown(name: str) -> ValueError:
    return ValueError(f"it is coded as {name}, which cannot be read here")
