"""Which of the harness's senses a finding is of: the names that the proof of the harness speaks of."""

from __future__ import annotations

import json
import re

from harness.model import Absent, Difference, Json, Kind, Role, Verdict

MUST = "must"
SECRETS = "secrets"
LATE_STREAMS = "late streams"

# The first pattern that is found in a path names the sense.
_SENSES = (
    (r"^/client/\d+/failure", "failure"),
    (r"^/client/\d+/response/late", "lateness"),
    (r"^/client/\d+/response/status", "status"),
    (r"^/client/\d+/response/connection", "connection"),
    (r"^/client/\d+/response/(headers|capitals)", "headers"),
    (r"^/client/\d+/response/transfer", "framing"),
    (r"^/client/\d+/response/(body|written)", "body"),
    (r"^/client/\d+/response/stream/bursts", "arrival"),
    (r"^/client/\d+/response/stream/torn", "chunk borders"),
    (r"^/client/\d+/response/stream/framing", "stream framing"),
    (r"^/client/\d+/response/stream/ended", "end of the stream"),
    (r"^/client/\d+/response/stream/grammar", "grammar"),
    (r"^/client/\d+/response/stream/message", "message"),
    (r"^/client/\d+/response/stream/events", "events"),
    (r"^/client", "answer"),
    (r"^/upstream/\d+/request/(headers|capitals)", "upstream headers"),
    (r"^/upstream/\d+/request/(body|written)", "upstream body"),
    (r"^/upstream/\d+/request/path", "upstream path"),
    (r"^/upstream/\d+/request/transfer", "upstream framing"),
    (r"^/upstream/\d+/outcome", "upstream outcome"),
    (r"^/upstream", "upstream calls"),
    (r"^/effects/cookies", "cookies"),
    (r"^/effects/aborted", "cancellation"),
    (r"^/effects/withheld", "buffering"),
    (r"^/effects/usage", "usage parity"),
    (r"^/effects", "upstream calls"),
)
NAMES = frozenset(
    {name for _, name in _SENSES}
    | {MUST, SECRETS, "header order", "key order", "other", "start time", "memory", "descriptors"}
    | {"upstream connections", "secrets in logs", LATE_STREAMS}
)
_HIDDEN = re.compile(r"<key>|<[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+>")  # what stands in a secret's place: see harness.site


def sense_of(difference: Difference) -> str:
    if leaks(difference):
        return SECRETS
    if difference.kind is Kind.ORDER:
        return "header order" if difference.path.endswith("/headers") else "key order"
    return next(name for pattern, name in (*_SENSES, ("", "other")) if re.search(pattern, difference.path))


def leaks(difference: Difference) -> bool:
    """Whether the candidate shows a secret where the baseline shows none: nothing can declare that away."""
    return bool(_secrets(difference.candidate) - _secrets(difference.baseline))


def senses(verdict: Verdict) -> tuple[str, ...]:
    """Those that found something that nobody declared, each once, in the order of what they found."""
    found = [sense_of(difference) for difference in verdict.unexplained]
    return tuple(dict.fromkeys([*found, *(MUST for broken in verdict.broken if broken.role is Role.CANDIDATE)]))


def _secrets(value: Json | Absent) -> set[str]:
    return set() if isinstance(value, Absent) else set(_HIDDEN.findall(json.dumps(value, ensure_ascii=False)))
