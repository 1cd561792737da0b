"""Where cookies are kept: in a file, in Redis, or nowhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # httpx is imported when the rest is: see lean_imports
    from sdk_proxy.cookie_jar import CookieStore

NOWHERE = "none"
_REDIS = ("redis://", "rediss://", "unix://")


def default_place(environ: Mapping[str, str]) -> str:
    """XDG Base Directory Specification: $XDG_STATE_HOME, which is ignored where it is relative, or ~/.local/state."""
    state = Path(environ.get("XDG_STATE_HOME", ""))
    home = Path(environ.get("HOME", ""))
    if sys.platform == "win32" or not (state.is_absolute() or home.is_absolute()):
        return NOWHERE
    return str((state if state.is_absolute() else home / ".local" / "state") / "sdk-proxy" / "cookies.json")


def store_at(place: str) -> CookieStore:
    """`place` is a file, the URL of a Redis, or "none". Raises ValueError, without a password that is in the URL."""
    if place == NOWHERE:
        from sdk_proxy.cookie_jar import CookieStore  # noqa: PLC0415 - see above

        return CookieStore()
    if place.startswith(_REDIS):
        from sdk_proxy.cookie_redis import CookieRedis  # noqa: PLC0415 - only where one is used

        return CookieRedis(place)
    scheme, separator, _ = place.partition("://")
    if separator or not place:
        raise ValueError(f"{scheme!r} is no place for cookies: a file, redis://host:port/db, or none")
    from sdk_proxy.cookie_file import CookieFile  # noqa: PLC0415 - fcntl, which Windows has not

    return CookieFile(Path(place).expanduser())
