"""Times that a gateway has read from its clock, as opposed to times that were recorded and passed through."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from harness.comparison.tokens import Sort
from harness.model import Json

EPOCH = 1e9  # numbers from here on can be Unix times: seconds, or milliseconds, from 2001 on
_MILLISECONDS = 1e11
_LEFT, _MEASURED = "x-ratelimit-remaining-", "-duration-ms"
_TOLERANCE = 60.0  # seconds between a response's date and another time in it


def readings(tree: Json) -> Iterator[float]:
    """Unix times of the `date` headers that the client saw: the origin's clock (RFC 9110, section 6.6.1)."""
    steps = _at(tree, "client")
    for exchange in steps.values() if isinstance(steps, dict) else ():
        for text in _list(_at(exchange, "response", "headers", "date")):
            moment = instant(Sort.HTTP_DATE, str(text))
            if moment is not None:
                yield moment


def instant(sort: Sort, text: str) -> float | None:
    """The Unix time that a date or a number stands for; None: it cannot be one."""
    try:
        match sort:
            case Sort.HTTP_DATE:
                return parsedate_to_datetime(text).timestamp()
            case Sort.ISO_DATE:
                moment = datetime.fromisoformat(text)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            case Sort.NUMBER:
                number = float(text)
                return None if number < EPOCH else number / 1000 if number >= _MILLISECONDS else number
            case _:
                return None
    except (ValueError, OverflowError):
        return None


def near(moment: float, clock: Sequence[float]) -> bool:
    """Within a minute of one of these readings, which are in order."""
    index = bisect_left(clock, moment)
    return any(abs(moment - other) <= _TOLERANCE for other in clock[max(index - 1, 0) : index + 1])


def windows(tree: Json) -> Iterator[str]:
    """The headers in which a gateway says what is left of a limit of its own: its windows turn with the clock's minutes
    (draft-ietf-httpapi-ratelimit-headers; in LiteLLM 1.106.2, Router.set_response_headers). And those in which it says
    how long something took: of what has not ended by then that is 0.0, time after time, until once it has.

    A count that came from the provider, which LiteLLM shows as `llm_provider-...` too, does not depend on our clock.
    """
    steps = _at(tree, "client")
    for step, exchange in steps.items() if isinstance(steps, dict) else ():
        found = _at(exchange, "response", "headers")
        headers = found if isinstance(found, dict) else {}
        for name in headers:
            if (name.startswith(_LEFT) or name.endswith(_MEASURED)) and f"llm_provider-{name}" not in headers:
                yield f"/client/{step}/response/headers/{name}"


def _at(value: Json, *keys: str) -> Json:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
