"""Amazon's event stream (`application/vnd.amazon.eventstream`), which Bedrock answers: frames with JSON. Pure.

A frame is its length, the length of its headers, a CRC-32 of both, headers, payload, and a CRC-32 of all before it
(botocore, eventstream.py). The payload is JSON; InvokeModelWithResponseStream has a provider's event in it, as base64
under `bytes` (LiteLLM 1.106.2, llms/bedrock/chat/invoke_handler.py, AWSEventStreamDecoder).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from harness.traffic.json_text import read_json
from harness.traffic.malformed import MalformedBody
from harness.traffic.scrub_json import Bodies
from harness.traffic.scrub_stream import scrub_events

MEDIA_TYPE = "application/vnd.amazon.eventstream"
_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_BYTES = re.compile(r'(?<="bytes":")[A-Za-z0-9+/=]+(?=")')


@dataclass(frozen=True, slots=True)
class _Frame:
    head: bytes  # the prelude and the headers
    payload: str

    @property
    def event(self) -> str | None:
        """A provider's event in base64, as text."""
        found = _BYTES.search(self.payload)
        try:
            return base64.b64decode(found[0], validate=True).decode() if found else None
        except (binascii.Error, UnicodeDecodeError):
            return None

    def encode(self, payload: str) -> bytes:
        frame = self.head + payload.encode("utf-8", "surrogateescape")
        return frame + _CRC.pack(crc32(frame))


def scrub_frames(data: bytes, bodies: Bodies) -> bytes:
    """Each frame keeps its length; the payload of one that was cut off at the end is opaque. Raises `MalformedBody` for
    any other bytes, and for a payload that is no JSON."""
    frames = list(_frames(data))
    rest = data[sum(len(frame.encode(frame.payload)) for frame in frames) :]
    texts = [frame.event or frame.payload for frame in frames]
    for number, text in enumerate(texts, 1):
        if text and not read_json(text).is_whole:
            raise MalformedBody(f"the payload of frame {number} is no JSON: {read_json(text).problem}")
    scrubbed = [
        frame.encode(text if frame.event is None else _BYTES.sub(_to_base64(text), frame.payload, count=1))
        for frame, text in zip(frames, scrub_events(texts, bodies), strict=True)
    ]
    head = _PRELUDE.size + (_PRELUDE.unpack_from(rest)[1] if len(rest) >= _PRELUDE.size else 0)
    opaque = bodies.texts.pseudonyms.opaque(rest[head:].decode("latin-1")).encode("latin-1", "replace")
    return b"".join((*scrubbed, rest[:head], opaque))


def _to_base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _frames(data: bytes) -> Iterator[_Frame]:
    at = 0
    while len(data) - at >= _PRELUDE.size:
        size, size_of_headers, crc = _PRELUDE.unpack_from(data, at)
        if crc32(data[at : at + 8]) != crc or size < size_of_headers + 16:
            raise MalformedBody(f"byte {at} is not the beginning of a frame of Amazon's event stream")
        frame = data[at : at + size]
        if len(frame) < size:
            return
        head = frame[: _PRELUDE.size + size_of_headers]
        if crc32(frame[:-4]) != _CRC.unpack(frame[-4:])[0]:
            raise MalformedBody(f"the frame at byte {at} does not have the checksum that it says")
        yield _Frame(head, frame[len(head) : -4].decode("utf-8", "surrogateescape"))
        at += size
