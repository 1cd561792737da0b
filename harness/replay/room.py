"""What may be played beside what is being played: state that scenarios share must not be seen in any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

from harness.model import Scenario
from harness.upstream.speech import Voice

# After these LiteLLM 1.106.2 takes a model's only deployment out of service for 5 s, and says 429 meanwhile
# (router_utils/cooldown_handlers.py, _is_cooldown_required and _should_cooldown_deployment; 402 is exempt there).
COOLING = frozenset({401, 404, *range(300, 400)})
REST = 5.5  # seconds
_LONG_CONTEXT = re.compile(r"\[1m\]$", re.IGNORECASE)
_ROUTED = re.compile(r"claude-router-((?:[0-9a-f]{2})+)")
_IN_PATH = re.compile(r"/(?:deployments|engines|models)/([^/?:]+)")


class Room:
    """Who is being played, and which models rest; `now` is any clock in seconds.

    `apart`: id -> the ids of those that it must not be played beside. `rested`: model -> from when on it can be used;
    it is written as well, for who plays on the same gateway after this.
    """

    def __init__(self, apart: Mapping[str, Collection[str]], rested: dict[str, float] | None = None) -> None:
        self._apart = apart
        self._playing: set[str] = set()
        self._rested = {} if rested is None else rested
        self._models: dict[
            str, frozenset[str]
        ] = {}  # by scenario: it is asked for again and again until it is admitted

    def admits(self, scenario: Scenario, now: float) -> bool:
        if scenario.id not in self._models:
            self._models[scenario.id] = models_of(scenario)
        models = self._rested if shows_cooldowns(scenario) else self._models[scenario.id]
        resting = any(self._rested.get(model, now) > now for model in models)
        return not resting and self._playing.isdisjoint(self._apart[scenario.id])

    def enter(self, scenario: Scenario) -> None:
        self._playing.add(scenario.id)

    def leave(self, scenario: Scenario, now: float) -> None:
        self._playing.remove(scenario.id)
        if cools(scenario):
            self._rested |= dict.fromkeys(models_of(scenario), now + REST)

    def rested(self, now: float) -> float | None:
        """When the next model has rested; None if none rests."""
        return min((until for until in self._rested.values() if until > now), default=None)


def apart(scenarios: Sequence[Scenario]) -> dict[str, frozenset[str]]:
    """For each id those of the scenarios that may not be played beside it."""
    everybody = frozenset(scenario.id for scenario in scenarios)
    voices = {scenario.id: Voice.of(scenario) for scenario in scenarios}
    models = {scenario.id: models_of(scenario) for scenario in scenarios}
    cooling = {scenario.id for scenario in scenarios if cools(scenario)}
    found: dict[str, set[str]] = {scenario.id: set() for scenario in scenarios}
    for one, other in combinations(voices, 2):
        share = (one in cooling or other in cooling) and not models[one].isdisjoint(models[other])
        if share or voices[one].like(voices[other]):
            found[one].add(other)
            found[other].add(one)
    alone = {each.id for each in scenarios if voices[each.id].silent or sets_cookies(each) or shows_cooldowns(each)}
    return {name: everybody if name in alone else frozenset(alone | others) for name, others in found.items()}


def cools(scenario: Scenario) -> bool:
    """Whether its models rest after it, and nobody else may use them meanwhile."""
    return any(reply.status in COOLING for step in scenario.steps for reply in step.replies)


def shows_cooldowns(scenario: Scenario) -> bool:
    """Return whether a gateway is to answer for a model that rests: LiteLLM lists all that rest by then."""
    resting = set[str]()
    for step in scenario.steps:
        models = set(_models(step.request.body))
        if models & resting and not step.replies:
            return True
        if any(reply.status in COOLING for reply in step.replies):
            resting |= models
    return False


def sets_cookies(scenario: Scenario) -> bool:
    """A gateway may keep them, and send them with the next call, whoever causes it."""
    replies = [reply for step in scenario.steps for reply in step.replies]
    return any(name.lower() == "set-cookie" for reply in replies for name, _ in reply.headers)


def models_of(scenario: Scenario) -> frozenset[str]:
    """The models that the requests name, in the body or in the path (Azure's way)."""
    requests = [step.request for step in scenario.steps]
    in_paths = (name for request in requests for name in _IN_PATH.findall(request.path))
    return frozenset(in_paths) | {model for request in requests for model in _models(request.body)}


def _models(body: bytes) -> list[str]:
    """LiteLLM takes several names at once, with commas between them."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return []
    model = tree.get("model") if isinstance(tree, dict) else None
    return [_picked(name.strip()) for name in model.split(",")] if isinstance(model, str) else []


def _picked(name: str) -> str:
    """What stands behind a name of Claude Code's model picker: `claude-router-<hex>`, and `[1m]` for a long context."""
    plain = _LONG_CONTEXT.sub("", name)
    in_hex = _ROUTED.fullmatch(plain)
    return bytes.fromhex(in_hex[1]).decode(errors="replace") if in_hex else plain
