"""One body, scrubbed as what its headers say it is: JSON, JSON lines, events, frames, parts, or prose. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from harness.model import Headers, header
from harness.traffic import content_coding, scrub_frames
from harness.traffic.json_text import read_json
from harness.traffic.malformed import MalformedBody
from harness.traffic.scrub_json import Bodies, Place
from harness.traffic.scrub_stream import is_stream, scrub_stream

_JSON = re.compile(r"(?:application|text)/(?:x-)?(?:json|ndjson|jsonl|jsonlines|json-lines|json-seq)|[^/]+/[^/]+\+json")
_PART = re.compile(rb"(\r?\n)((?:[^\r\n]+\r?\n)*)(\r?\n)(.*?)((?:\r?\n)?)", re.DOTALL)
_NAME_OF_A_FIELD = re.compile(r'(?<![\w*])name="([^"]*)"')
_NAME_OF_A_FILE = re.compile(r'(?<=filename=")([^"]*?)(?=(?:\.[A-Za-z0-9]{1,5})?")')


class Kind(Enum):
    JSON = auto()
    STREAM = auto()
    FRAMES = auto()
    PARTS = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a body beside its headers.

    `is_error`: the words of an answer that tells what went wrong stay. `is_cut`: the recording says that it ends in the
    middle, so that it may be the beginning of JSON. `is_strict`: what is not what its headers say is refused, and not
    scrubbed as far as it can be read.
    """

    is_error: bool = False
    is_cut: bool = False
    is_strict: bool = True


def kind_of(headers: Headers) -> Kind:
    media_type = (header(headers, "content-type") or "").partition(";")[0].strip().lower()
    if media_type == "text/event-stream":
        return Kind.STREAM
    if media_type == scrub_frames.MEDIA_TYPE:
        return Kind.FRAMES
    if media_type.startswith("multipart/"):
        return Kind.PARTS
    return Kind.JSON if _JSON.fullmatch(media_type) else Kind.OTHER


def scrub_body(data: bytes, headers: Headers, bodies: Bodies, about: About) -> bytes:
    """Raises `MalformedBody` for what cannot be read as its headers say, unless `about` is not strict."""
    names = content_coding.codings(headers)
    if not names or not data:
        return _scrub_plain(data, headers, bodies, about)
    try:
        plain = content_coding.decode(data, names)
    except ValueError as error:
        if about.is_strict:
            raise MalformedBody(str(error)) from error
        return _scrub_bytes(data, bodies)
    return content_coding.encode(_scrub_plain(plain, headers, bodies, about), names)


def _scrub_plain(data: bytes, headers: Headers, bodies: Bodies, about: About) -> bytes:
    kind = kind_of(headers)
    if kind is Kind.PARTS and (boundary := _boundary(headers)) is not None:
        return _scrub_parts(data, boundary, bodies, about)
    if kind is Kind.FRAMES and data:
        return _scrub_frames(data, bodies, about)
    text = data.decode("utf-8", "surrogateescape")
    scrubbed = _scrub_text(text, kind, bodies, about)
    if scrubbed is not None:
        return scrubbed.encode("utf-8", "surrogateescape")
    if any("\udc80" <= char <= "\udcff" for char in text):
        return _scrub_bytes(data, bodies)
    return (bodies.texts.keep(text) if about.is_error else bodies.prose(text)).encode()


def _scrub_bytes(data: bytes, bodies: Bodies) -> bytes:
    return bodies.texts.pseudonyms.opaque(data.decode("latin-1")).encode("latin-1", "replace")


def _scrub_frames(data: bytes, bodies: Bodies, about: About) -> bytes:
    try:
        return scrub_frames.scrub_frames(data, bodies)
    except MalformedBody:
        if about.is_strict:
            raise
        return _scrub_bytes(data, bodies)


def _scrub_text(text: str, kind: Kind, bodies: Bodies, about: About) -> str | None:
    """None for what is neither JSON nor a stream of events, and says neither."""
    read = read_json(text)
    if not text.strip() or (
        read.is_whole and (kind is not Kind.OTHER or read.has_containers_only or len(read.values) == 1)
    ):
        return bodies.json_text(read, Place(is_error=about.is_error))
    if kind is Kind.STREAM or (kind is Kind.OTHER and is_stream(text)):
        return scrub_stream(text, bodies, is_strict=about.is_strict and kind is Kind.STREAM)
    begins_as_json = kind is Kind.JSON or text.lstrip()[:1] in ("{", "[")
    if about.is_cut and begins_as_json and read.is_prefix:
        return bodies.json_text(read, Place(is_error=about.is_error))
    if kind is not Kind.JSON:
        return None
    if about.is_strict:
        raise MalformedBody(f"this is no JSON: {read.problem}", text, read.problem_at)
    return bodies.as_far_as_read(read, Place(is_error=about.is_error))


# --- multipart (RFC 2046, section 5.1) --------------------------------------------------------------------------------


def _boundary(headers: Headers) -> bytes | None:
    found = re.search(r'boundary=(?:"([^"]+)"|([^;\s]+))', header(headers, "content-type") or "", re.IGNORECASE)
    return (found[1] or found[2]).encode("latin-1") if found else None


def _scrub_parts(data: bytes, boundary: bytes, bodies: Bodies, about: About) -> bytes:
    first, *parts = data.split(b"--" + boundary)
    scrubbed = [_scrub_part(part, bodies, about) for part in parts]
    return (b"--" + boundary).join([_scrub_plain(first, (), bodies, about), *scrubbed])


def _scrub_part(part: bytes, bodies: Bodies, about: About) -> bytes:
    """The line ends that belong to the delimiters stay; what is no part (the end, what comes after it) is prose."""
    found = _PART.fullmatch(part)
    if found is None:
        return _scrub_plain(part, (), bodies, about)
    lines = found[2].decode("latin-1")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines.splitlines()))
    kept = _NAME_OF_A_FILE.sub(lambda file: bodies.texts.fill(file[0]), bodies.texts.keep(lines)).encode("latin-1")
    return b"".join((found[1], kept, found[3], _scrub_field(found[4], headers, bodies, about), found[5]))


def _scrub_field(data: bytes, headers: Headers, bodies: Bodies, about: About) -> bytes:
    """A text without a type of its own is what a member of that name would be in a JSON body."""
    disposition = header(headers, "content-disposition") or ""
    name = _NAME_OF_A_FIELD.search(disposition)
    is_text = header(headers, "content-type") is None and "filename" not in disposition
    text = data.decode("utf-8", "surrogateescape")
    if name is None or not is_text or read_json(text).has_containers_only:
        return _scrub_plain(data, headers, bodies, about)
    return bodies.text_of_member(name[1].removesuffix("[]"), text).encode("utf-8", "surrogateescape")
