"""litellm.Router with what LiteLLM's proxy gives it: aliases, retries, cooldowns and fallbacks of the binary path."""

from __future__ import annotations

import copy
import os
from typing import Any

import litellm
from litellm.types.router import RouterGeneralSettings

from sdk_proxy.config_parser import ProxyConfig

# Sections of litellm_settings that are no attribute of litellm; issue 3's `check` names what is not honoured.
_NOT_ATTRIBUTES = frozenset(
    {"cache", "cache_params", "callbacks", "success_callback", "failure_callback", "guardrails"}
)


def configure(config: ProxyConfig) -> None:
    """environment_variables and litellm_settings are the process's, as in LiteLLM's proxy (ProxyConfig.load_config)."""
    os.environ.update(config.environment)
    litellm.suppress_debug_info = True
    for name, value in config.litellm_settings.items():
        if name not in _NOT_ATTRIBUTES:
            setattr(litellm, name, value)


def build_router(config: ProxyConfig) -> Any:
    """As litellm/proxy/proxy_server.py, ProxyConfig.load_config (1.106.2). Raises what the Router raises."""
    known = set(litellm.Router.get_valid_args())
    settings = {name: value for name, value in config.router_settings.items() if name in known}
    return litellm.Router(
        cache_responses=litellm.cache is not None,
        model_list=[copy.deepcopy(deployment) for deployment in config.deployments],
        router_general_settings=RouterGeneralSettings(async_only_mode=True),
        ignore_invalid_deployments=True,
        **settings,
    )
