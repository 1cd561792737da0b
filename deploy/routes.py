"""Who of the production port's users is answered by which proxy, while a cutover goes on step by step. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from deploy.programs import BadInput, Primary

# By `user-agent`, as these clients send it; the names are those of the scenarios' folders.
CLIENTS = {
    "claude-code": re.compile(r"claude-cli/"),
    "pycharm": re.compile(r"OpenAIClient(Async)?Impl/Java"),
    "vscode": re.compile(r"(Async)?OpenAI/JS"),
    "openai-python": re.compile(r"(Async)?OpenAI/Python"),
    "anthropic-python": re.compile(r"(Async)?Anthropic/Python"),
    "curl": re.compile(r"curl/"),
}
_USER = "user:"
_PROXIES: Mapping[str, Primary] = {"binary": "binary", "sdk": "sdk"}
_ALL = 100.0  # per cent


@dataclass(frozen=True, slots=True)
class Users:
    """`ids`: those that the configuration gives to its clients; `of`: whose request that is, by its headers."""

    ids: frozenset[str]
    of: Callable[[Mapping[str, str]], str]


NOBODY = Users(frozenset(), lambda _: "")


@dataclass(frozen=True, slots=True)
class Routes:
    """`said`: in the people's words. `users`, by id, and `clients`: those who have a proxy of their own; `share`: per
    cent of the others whom the SDK proxy gets; None: they go to the primary."""

    said: tuple[str, ...] = ()
    known: Users = NOBODY
    users: Mapping[str, Primary] = field(default_factory=dict)
    clients: Mapping[str, Primary] = field(default_factory=dict)
    share: float | None = None

    def __bool__(self) -> bool:
        return bool(self.said)

    def proxy(self, headers: Mapping[str, str], primary: Primary) -> Primary:
        """A user before a client, a client before a share. Names of headers come in lower case."""
        user_id = self.known.of(headers)
        if (named := self.users.get(user_id)) is not None:
            return named
        if self.clients and (client := client_of(headers)) in self.clients:
            return self.clients[client]
        if self.share is None:
            return primary
        return "sdk" if place(user_id) < self.share else "binary"


def client_of(headers: Mapping[str, str]) -> str:
    """Empty for one that is not known."""
    agent = headers.get("user-agent", "")
    return next((name for name, pattern in CLIENTS.items() if pattern.match(agent)), "")


def place(user_id: str) -> float:
    """From 0 to 100, always the same for a user: who is in a share stays in it when it grows."""
    return int.from_bytes(sha256(user_id.encode()).digest()[:6], "big") / 2**48 * _ALL


def read(said: Iterable[str], known: Users) -> Routes:
    """`claude-code=binary`, `user:alice=sdk`, `sdk=10%`. Raises `BadInput`."""
    said = tuple(said)
    users, clients, shares = dict[str, Primary](), dict[str, Primary](), list[float]()
    for each in said:
        name, _, to = (part.strip() for part in each.partition("="))
        if name in _PROXIES:
            shares.append(_share(each, _PROXIES[name], to))
            continue
        if to not in _PROXIES:
            raise BadInput(f"route {each}: say NAME=binary, NAME=sdk, or sdk=10%")
        group, name = _named(each, name, known.ids, users, clients)
        if name in group:
            raise BadInput(f"route {each}: {name} has another route already")
        group[name] = _PROXIES[to]
    if len(shares) > 1:
        raise BadInput("one share is enough: sdk=10% leaves the other 90% to the binary proxy")
    return Routes(said, known, users, clients, shares[0] if shares else None)


def _named(
    said: str, name: str, ids: frozenset[str], users: dict[str, Primary], clients: dict[str, Primary]
) -> tuple[dict[str, Primary], str]:
    if name.startswith(_USER) and name != _USER:
        return users, name.removeprefix(_USER)
    if name in ids:
        return users, name
    if name in CLIENTS:
        return clients, name
    there = ", ".join(sorted({*ids, *CLIENTS}))
    raise BadInput(f"route {said}: nobody is called {name!r}: there are {there}; any other user is user:ID")


def _share(said: str, whose: Primary, to: str) -> float:
    """Of the SDK proxy, in per cent."""
    try:
        share = float(to.removesuffix("%"))
    except ValueError:
        share = -1.0
    if not to.endswith("%") or not 0 <= share <= _ALL:
        raise BadInput(f"route {said}: a share is from 0% to 100%, as in sdk=10%")
    return share if whose == "sdk" else _ALL - share


def headers_of(head: bytes) -> dict[str, str]:
    """Of a request as it begins on the wire (RFC 9112, section 2.1), cut or not; of several alike the first counts."""
    found: dict[str, str] = {}
    for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            found.setdefault(name.lower(), value.strip(" \t"))
    return found
