"""The gateways' configuration for the fast path's test: for each worker the same deployments, at its own upstream.

A scenario names a model as `fuzz-gpt`; the worker that plays it has it under a name of its own, so that no worker's
cooldowns, cookies and lessons are another's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from harness.model import Reply, Request, header
from harness.trials.fast_path.calls import Model, Protocol, Provider
from harness.upstream.anthropic_wire import error_reply
from harness.upstream.wire import json_reply

PREFIX = "fuzz-"
COOLDOWN_SECONDS = 2
TOKEN_SECONDS = 1
STALE_SECONDS = 1.7  # from when on a token is refused for certain
_LATE_SECONDS = 0.5  # that a call takes at most from its gateway to its upstream
COOLING = 4  # deployments that have cooldowns: one rests while another is used
_BOTH: tuple[Protocol, ...] = ("chat", "messages")


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    provider: Provider
    model: str
    protocols: tuple[Protocol, ...] = ("chat",)
    weight: int = 1
    has_cooldown: bool = False
    exchanges_tokens: bool = False


_KINDS = (
    _Kind("gpt", "openai", "openai/gpt-4.1", weight=4),
    _Kind("gpt-5", "openai", "openai/gpt-5", weight=2),
    _Kind("claude", "anthropic", "anthropic/claude-sonnet-5", ("messages", "messages", "chat"), weight=6),
    _Kind("gemini", "gemini", "gemini/gemini-2.5-pro"),
    _Kind("identity", "anthropic", "anthropic/claude-sonnet-5", ("messages",), exchanges_tokens=True),
    _Kind("cooling-gpt", "openai", "openai/gpt-4.1", has_cooldown=True),
    _Kind("cooling-claude", "anthropic", "anthropic/claude-sonnet-5", ("messages",), has_cooldown=True),
)
_BASES = {"openai": "/openai/v1", "anthropic": "/anthropic", "gemini": "/gemini"}
_IDENTITY = {
    "anthropic_federation_rule_id": "fdrl_1",
    "anthropic_organization_id": "11111111-2222-4333-8444-555555555555",
    "anthropic_identity_token": "oidc/env/FUZZ_IDENTITY_TOKEN",
}


def models() -> tuple[Model, ...]:
    """Return the models that sequences are made for, those more than once that are to be used more often."""
    return tuple(
        Model(PREFIX + kind.name, kind.provider, kind.protocols, kind.exchanges_tokens)
        for kind in _KINDS
        for _ in range(kind.weight)
    )


def to_yaml(workers: int) -> str:
    """Return the configuration; JSON is YAML."""
    deployments = [each for number in range(workers) for kind in _KINDS for each in _deployments(kind, number)]
    settings = {
        "model_list": deployments,
        "general_settings": {
            "master_key": "os.environ/LITELLM_MASTER_KEY",
            "forward_client_headers_to_llm_api": True,
        },
        "litellm_settings": {"drop_params": True},
        # For failures of streams the Router goes by its own time, not by a deployment's; 0 would be its default of 5 s.
        "router_settings": {"num_retries": 1, "retry_after": 0, "cooldown_time": 0.001},
    }
    return json.dumps(settings, indent=1)


def name_of(model: str, worker: int, cooling: int = 0) -> str:
    """Return what a worker's own deployment of a model is called."""
    own = model.replace(PREFIX, f"w{worker}-", 1)
    return f"{own}-{cooling}" if "cooling" in model else own


def has_cooldown(text: bytes) -> bool:
    """Whether a request asks for a model whose deployments are cooled down."""
    return PREFIX.encode() + b"cooling-" in text


def exchanges_tokens(text: bytes) -> bool:
    """Whether a request asks for a model whose credential is exchanged for one of a short life."""
    return PREFIX.encode() + b"identity" in text


def upstream_names(upstreams: Sequence[str]) -> dict[str, str]:
    """Return what the {names} in `environment` stand for: the address of each worker's upstream."""
    return {f"upstream_{number}": url for number, url in enumerate(upstreams)}


def environment(workers: int) -> dict[str, str]:
    """Return what the configuration reads of the environment, as templates: addresses, keys, and the identity token."""
    bases = {
        f"FUZZ_{number}_{provider.upper()}": f"{{upstream_{number}}}{base}"
        for number in range(workers)
        for provider, base in _BASES.items()
    }
    keys = {f"FUZZ_{provider.upper()}_KEY": "{secret}" for provider in _BASES}
    return {
        **bases,
        **keys,
        "FUZZ_IDENTITY_TOKEN": "{secret}",
        "LITELLM_ANTHROPIC_WIF_ALLOWED_HOSTS": "127.0.0.1",
    }


@dataclass(slots=True)
class TokenIssuer:
    """Anthropic's exchange of tokens, as far as litellm/llms/anthropic/wif.py (1.106.2) uses it, and its check."""

    clock: Callable[[], float] = time.monotonic
    _issued: dict[str, float] = field(default_factory=dict)

    def reply(self, request: Request) -> Reply | None:
        """Return the answer to an exchange, or to a call with a token that has expired; None for any other call."""
        if request.path.endswith("/v1/oauth/token"):
            token = str(uuid4())
            self._issued[token] = self.clock()
            return json_reply({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS})
        token = (header(request.headers, "authorization") or "").removeprefix("Bearer ")
        is_stale = token in self._issued and self.clock() - self._issued[token] > TOKEN_SECONDS + _LATE_SECONDS
        return error_reply(401, "the token has expired") if is_stale else None


def _deployments(kind: _Kind, worker: int) -> list[Mapping[str, Any]]:
    provider = kind.provider.upper()
    key = _IDENTITY if kind.exchanges_tokens else {"api_key": f"os.environ/FUZZ_{provider}_KEY"}
    params = {"model": kind.model, "api_base": f"os.environ/FUZZ_{worker}_{provider}", **key}
    params["cooldown_time"] = COOLDOWN_SECONDS if kind.has_cooldown else 0  # type: ignore[assignment]
    names = [name_of(PREFIX + kind.name, worker, number) for number in range(COOLING if kind.has_cooldown else 1)]
    return [{"model_name": name, "litellm_params": params, "model_info": {"id": f"id-{name}"}} for name in names]
