"""config.yaml -> ProxyConfig: what the SDK proxy takes out of the configuration, ready to use, once, at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from sdk_proxy.config_check import judge
from sdk_proxy.memory_router import supermemory_models
from sdk_proxy.schema import Config, Deployment, UserIdMappings


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """`deployments` and `router_settings` are litellm.Router's keys, `litellm_settings` litellm's attributes."""

    deployments: tuple[dict[str, Any], ...] = field(repr=False)
    router_settings: Mapping[str, Any] = field(repr=False)
    litellm_settings: Mapping[str, Any] = field(repr=False)
    general_settings: Mapping[str, Any] = field(repr=False)
    credentials: tuple[Any, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    mappings: UserIdMappings
    master_key: SecretStr | None
    supermemory_key: SecretStr | None
    supermemory_bases: Mapping[str, str]

    @property
    def is_open(self) -> bool:
        """No key is configured, so none is asked for, as in LiteLLM's no-auth mode."""
        return self.master_key is None


def parse(config: Config, environ: Mapping[str, str]) -> ProxyConfig:
    """`environ` gives what is not in the file: SUPERMEMORY_API_KEY."""
    key = environ.get("SUPERMEMORY_API_KEY")
    return ProxyConfig(
        deployments=tuple(_deployment(d) for d in config.model_list),
        router_settings=_honoured("router_settings", config.router_settings),
        litellm_settings=_honoured("litellm_settings", config.litellm_settings),
        general_settings=config.general_settings,
        credentials=_credentials((config.model_extra or {}).get("credential_list")),
        environment={
            name: str(value) for name, value in _honoured("environment_variables", config.environment_variables).items()
        },
        mappings=config.user_id_mappings,
        master_key=config.master_key,
        supermemory_key=SecretStr(key) if key else None,
        supermemory_bases={name: config.api_base(name) or "" for name in sorted(supermemory_models(config))},
    )


def _honoured(section: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if judge((section, name), value)[0] == "honoured"}


def _credentials(listed: Any) -> tuple[Any, ...]:
    """What is no list is a wrong credential: LiteLLM's reader of those says so."""
    return tuple(listed) if isinstance(listed, list) else () if listed is None else (listed,)


def _deployment(deployment: Deployment) -> dict[str, Any]:
    """The deployment as it stands in the file: only the keys that are there, the key in plain text."""
    tree = deployment.model_dump(exclude_unset=True)
    tree["litellm_params"] = {name: _plain(value) for name, value in tree["litellm_params"].items()}
    return tree


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
