"""Whose cookie goes where: one that a provider set goes back to that provider, and to no other (RFC 6265, section 5.4).

A cookie jar lasts longer than a scenario, so what was set by whom is learnt from the whole run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.model import Exchange, Observation, Response, header

Jar = Mapping[str, frozenset[str]]  # "name=value" -> the hosts that set it


def set_by(observations: Iterable[Observation]) -> Jar:
    jar: dict[str, frozenset[str]] = {}
    for call in (call for observation in observations for call in observation.upstream):
        for cookie in _set(call):
            jar[cookie] = jar.get(cookie, frozenset()) | {_host(call)}
    return jar


def jars(several: Iterable[Jar]) -> Jar:
    whole: dict[str, frozenset[str]] = {}
    for jar in several:
        for cookie, hosts in jar.items():
            whole[cookie] = whole.get(cookie, frozenset()) | hosts
    return whole


def strayed(observation: Observation, jar: Jar) -> list[str]:
    """The cookies that went to a host that did not set them: another did, or a client sent them."""
    return [
        f"step {call.step}: {cookie} to {_host(call)}"
        for call in observation.upstream
        for cookie in _sent(call)
        if _host(call) not in jar.get(cookie, frozenset())
    ]


def _set(call: Exchange) -> Iterator[str]:
    headers = call.outcome.headers if isinstance(call.outcome, Response) else ()
    return (value.partition(";")[0].strip() for name, value in headers if name.lower() == "set-cookie")


def _sent(call: Exchange) -> Iterator[str]:
    values = (value for name, value in call.request.headers if name.lower() == "cookie")
    return (cookie.strip() for value in values for cookie in value.split(";") if cookie.strip())


def _host(call: Exchange) -> str:
    """Without the port: cookies do not know ports."""
    return (header(call.request.headers, "host") or "").rpartition(":")[0]
