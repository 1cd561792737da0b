"""The world of a production gateway, and the shadow's: other keys, and a simulated upstream for each provider. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from harness.model import Exchange, Failure, Headers, Response

_NAMED = re.compile(r"os\.environ/(\w+)")  # how a configuration names a variable
_KEY, _SECRET = "{key}", "{secret}"
_SHORTEST = 4  # characters of a secret


@dataclass(frozen=True, slots=True)
class World:
    """`environment`: what the shadow's gateway gets, as templates of `harness.site`. `secrets`: of production, with
    what is kept in their place. `bases`: the providers' addresses, with the templates of those that stand for them."""

    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    bases: Mapping[str, str]


def world(asked: Mapping[str, str], config: str, production: Mapping[str, str]) -> World:
    """`asked` is harness.toml's `environment`, `config` the text of the gateway's configuration, `production` its
    environment. A provider is asked by the same path as in production."""
    templates = {**dict.fromkeys(_NAMED.findall(config), _SECRET), **asked}
    environment, secrets, bases = dict[str, str](), dict[str, str](), dict[str, str]()
    for name, template in templates.items():
        value = production.get(name, "")
        environment[name] = template
        if _is_address(value):
            host = "{upstream_by_name}" if "{upstream_by_name}" in template else "{upstream}"
            stand_in = host + _escaped(urlsplit(value).path.rstrip("/"))
            environment[name] = bases.setdefault(value.rstrip("/"), stand_in)
        elif template in (_KEY, _SECRET) and len(value) >= _SHORTEST:
            secrets[value] = "<key>" if template == _KEY else f"<{name}>"
    return World(environment, secrets, bases)


def moved(exchange: Exchange, bases: Mapping[str, str]) -> Exchange:
    """As if it had been in the shadow's world: `bases` are the filled templates. Only headers tell a provider's
    address: the one of the request's host, and those in which LiteLLM says whom it asked."""
    hosts = {urlsplit(real).netloc: urlsplit(base).netloc for real, base in bases.items()}
    request = replace(exchange.request, headers=_moved(exchange.request.headers, bases, hosts))
    if isinstance(exchange.outcome, Failure):
        return replace(exchange, request=request)
    return replace(exchange, request=request, outcome=_answer_moved(exchange.outcome, bases, hosts))


def _answer_moved(answer: Response, bases: Mapping[str, str], hosts: Mapping[str, str]) -> Response:
    return replace(answer, headers=_moved(answer.headers, bases, hosts))


def _moved(headers: Headers, bases: Mapping[str, str], hosts: Mapping[str, str]) -> Headers:
    return tuple((name, _value(name, value, bases, hosts)) for name, value in headers)


def _value(name: str, value: str, bases: Mapping[str, str], hosts: Mapping[str, str]) -> str:
    if name.lower() == "host":
        return hosts.get(value, value)
    longest = max((real for real in bases if value.startswith(real)), key=len, default=None)
    return value if longest is None else bases[longest] + value.removeprefix(longest)


def _is_address(value: str) -> bool:
    return value.startswith(("http://", "https://"))


def _escaped(path: str) -> str:
    """It is no template."""
    return path.replace("{", "{{").replace("}", "}}")
