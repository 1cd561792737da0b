"""The jar on disk: one JSON file, only its owner's, that the workers of a host share."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import blake2b
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sdk_proxy.cookie_jar import Changes, Cookies, CookieStore, StoredCookie

log = logging.getLogger("sdk_proxy.cookies")
_POLL = 0.02  # seconds


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    version: int = 1
    origins: dict[str, list[StoredCookie]] = {}


class CookieFile(CookieStore):
    """Written whole and then renamed, under a lock: a reader sees one state or the other, and no writer loses any.

    One that cannot be read is put aside, never written over. Where the place cannot be used, the cookies stay in
    memory, and one warning says so. Neither values nor the file's content are ever logged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._warned = False

    def version(self) -> object:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    async def read(self, origin: str) -> Cookies:
        return await asyncio.to_thread(self._read, origin)

    async def write(self, origin: str, changes: Changes) -> None:
        await asyncio.to_thread(self._merge, origin, changes)

    @asynccontextmanager
    async def first(self, origin: str) -> AsyncIterator[None]:
        """A lock file for each origin; the kernel takes the lock away from a process that dies."""
        try:
            opened = _open(self._beside(f"{blake2b(origin.encode(), digest_size=6).hexdigest()}.lock"))
        except OSError as error:
            self._warn(error)
            yield
            return
        try:
            while not _locked(opened):  # noqa: ASYNC110 - another process has it
                await asyncio.sleep(_POLL)
            yield
        finally:
            os.close(opened)

    def _read(self, origin: str) -> Cookies:
        try:
            cookies = self._content().origins.get(origin, [])
        except OSError as error:
            self._warn(error)
            return {}
        return {cookie.key: cookie for cookie in cookies if cookie.lives()}

    def _merge(self, origin: str, changes: Changes) -> None:
        try:
            with self._merging():
                origins = self._content_or_fresh().origins
                merged = {**{cookie.key: cookie for cookie in origins.get(origin, [])}, **changes}
                origins[origin] = [cookie for cookie in merged.values() if cookie is not None]
                self._replace(_Content(origins=_living(origins)))
        except OSError as error:
            self._warn(error)

    def _content(self) -> _Content:
        try:
            return self._parsed()
        except ValidationError:
            with self._merging():  # another worker may have put it aside meanwhile
                return self._content_or_fresh()

    def _parsed(self) -> _Content:
        """Raises ValidationError for a file that is no jar, OSError for one that cannot be read."""
        try:
            return _Content.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return _Content()

    def _content_or_fresh(self) -> _Content:
        """In the lock: what is no jar is put aside."""
        try:
            return self._parsed()
        except ValidationError as error:
            aside = self._beside(f"corrupt-{self._path.stat().st_mtime_ns}")
            self._path.rename(aside)
            log.warning("%s is no cookie jar (%d errors): kept as %s", self._path, error.error_count(), aside.name)
            return _Content()

    def _replace(self, content: _Content) -> None:
        descriptor, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(content.model_dump(), file)
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @contextmanager
    def _merging(self) -> Iterator[None]:
        opened = _open(self._beside("lock"))
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield
        finally:
            os.close(opened)

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{ending}")

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            log.warning("cookies are kept in memory only: %s: %s", self._path, error.strerror)


def _open(lock: Path) -> int:
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _living(origins: dict[str, list[StoredCookie]]) -> dict[str, list[StoredCookie]]:
    living = {origin: [cookie for cookie in cookies if cookie.lives()] for origin, cookies in origins.items()}
    return {origin: cookies for origin, cookies in living.items() if cookies}
