"""An upstream behind Cloudflare: a call without clearance meets a challenge, at each origin for itself.

`SimulatedUpstream(improvise=Cloudflare(autoplay()))`; one policy may stand before several upstreams. The answer is
Cloudflare's: 503 with error 1200, `cf-mitigated: challenge`, and the two cookies. They are not `Secure`, as they are on
the real network, for the simulated upstream speaks plain HTTP, where such a cookie must not be sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from http.cookies import SimpleCookie
from itertools import count

from harness.model import Headers, Reply, Request, header
from harness.upstream.wire import identifier

CLEARANCE, BOT_MANAGEMENT = "cf_clearance", "__cf_bm"
_BOT_MANAGEMENT_SECONDS = (
    1800  # developers.cloudflare.com/fundamentals/reference/policies-compliances/cloudflare-cookies
)
_PAGE = b"""<!DOCTYPE html>
<html lang="en-US">
<head><title>Error 1200 | Cloudflare</title></head>
<body><h1>Error <span>1200</span></h1><p>Too many requests are queued for this website.</p></body>
</html>
"""


class Cloudflare:
    """Answers what `behind` answers once a call brings a clearance that was given to its origin, the Host header.

    `challenges` counts by origin; `strange` are cookies, `name=value`, that came to an origin which did not set them.
    A clearance that it gives lasts for `seconds`, by the clock of who keeps them, or until `revoke`.
    """

    def __init__(self, behind: Callable[[Request], Reply], seconds: int = 3600) -> None:
        self.challenges: Counter[str] = Counter()
        self.strange: list[str] = []
        self._behind = behind
        self.seconds = seconds
        self._given: defaultdict[str, set[str]] = defaultdict(set)
        self._revoked: set[str] = set()
        self._numbers = count(1)

    def __call__(self, request: Request) -> Reply:
        challenge = self.refusal(request)
        if challenge is not None:
            return challenge
        reply, origin = self._behind(request), _origin(request)
        known = BOT_MANAGEMENT in _cookies(request)
        added = () if known else (self._cookie(origin, BOT_MANAGEMENT, _BOT_MANAGEMENT_SECONDS),)
        return replace(reply, headers=(*reply.headers, *added))

    def refusal(self, request: Request) -> Reply | None:
        """The challenge; None for a call that is cleared."""
        origin, sent = _origin(request), _cookies(request)
        self.strange += [f"{name}={value}" for name, value in sent.items() if value not in self._given[origin]]
        return None if sent.get(CLEARANCE) in self._given[origin] - self._revoked else self._challenge(origin)

    def revoke(self) -> None:
        """No clearance that was given up to now is good any more."""
        self._revoked.update(*self._given.values())

    def _challenge(self, origin: str) -> Reply:
        self.challenges[origin] += 1
        about = (("content-type", "text/html; charset=UTF-8"), ("server", "cloudflare"), ("cf-mitigated", "challenge"))
        clearance = self._cookie(origin, CLEARANCE, self.seconds)
        return Reply(503, (*about, clearance, self._cookie(origin, BOT_MANAGEMENT, _BOT_MANAGEMENT_SECONDS)), _PAGE)

    def _cookie(self, origin: str, name: str, seconds: int) -> tuple[str, str]:
        value = identifier("", f"{origin} {name} {next(self._numbers)}", length=43)
        self._given[origin].add(value)
        return "set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly"


def set_cookies(headers: Headers) -> list[str]:
    """The names and values that an answer sets."""
    return [value.partition(";")[0] for name, value in headers if name.lower() == "set-cookie"]


def _origin(request: Request) -> str:
    return header(request.headers, "host") or ""


def _cookies(request: Request) -> dict[str, str]:
    parsed = SimpleCookie(header(request.headers, "cookie") or "")
    return {name: morsel.value for name, morsel in parsed.items()}
