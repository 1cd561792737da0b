"""What a difference does to a client. So far only what is cosmetic is told apart from the rest."""

from __future__ import annotations

import re

from harness.model import Difference, Kind, Severity

# How a JSON text is spelled, where both say the same: whitespace, escapes. Neither a client nor a provider reads more
# than the values (RFC 8259, section 2 and section 7).
_SPELLING = re.compile(r"/(client/\d+/response|upstream/\d+/request)(/stream/framing)?/written(/\d+)?")
# Header names are case-insensitive, and their order has no meaning (RFC 9110, sections 5.1 and 5.3). Only of answers:
# bot protection before a provider tells clients apart by both.
_CAPITALS = re.compile(r"/client/\d+/response/capitals(/\d+)?")
_HEADERS = re.compile(r"/client/\d+/response/headers")
# How the end of a whole body is told (RFC 9112, section 6): a client gets the same bytes, and knows that it has all.
_TRANSFER = re.compile(r"/client/\d+/response/transfer")
_ENDS_KNOWN = {"length", "chunked"}
# Where chunks were cut: TCP cuts anew. Within a letter it counts: a client that decodes chunk by chunk breaks there.
_TORN = re.compile(r"/client/\d+/response/stream/torn(/\d+)?")


def severity_of(difference: Difference) -> Severity | None:
    """Return `COSMETIC` for what no client can see, None for anything else: nothing is known of that."""
    return Severity.COSMETIC if _is_cosmetic(difference) else None


def _is_cosmetic(difference: Difference) -> bool:
    path, sides = difference.path, (difference.baseline, difference.candidate)
    if difference.kind is Kind.ORDER:
        return _HEADERS.fullmatch(path) is not None
    if _TRANSFER.fullmatch(path):
        return all(side in _ENDS_KNOWN for side in sides)
    if _TORN.fullmatch(path):
        return "letters" not in sides
    return bool(_SPELLING.fullmatch(path) or _CAPITALS.fullmatch(path))
