"""litellm.Router with what LiteLLM's proxy gives it: aliases, retries, cooldowns and fallbacks of the binary path."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import litellm
from litellm.constants import ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG
from litellm.litellm_core_utils.core_helpers import drop_params_flag
from litellm.models.credentials import CredentialItem
from litellm.types.router import LiteLLM_Params, ModelGroupSettings, RouterGeneralSettings
from pydantic import ValidationError

from sdk_proxy.config_file import Place, key_of
from sdk_proxy.config_parser import ProxyConfig

log = logging.getLogger(__name__)

# In general_settings they are attributes of litellm as well (proxy_server.py, _apply_ssrf_general_settings, 1.106.2).
_URL_SETTINGS = ("user_url_validation", "user_url_allowed_hosts", "provider_url_destination_allowed_hosts")


class SettingError(ValueError):
    """What LiteLLM does not start with: which key, and why, without the value."""

    def __init__(self, place: Place, error: Exception) -> None:
        self.place, self.why = place, _without_values(error)
        super().__init__(f"{key_of(place)}: {self.why}")


def configure(config: ProxyConfig) -> None:
    """environment_variables and litellm_settings are the process's, as in LiteLLM's proxy (ProxyConfig.load_config).

    Raises SettingError.
    """
    os.environ.update(config.environment)
    litellm.suppress_debug_info = True
    for name, value in config.litellm_settings.items():
        if not callable(getattr(litellm, name, None)):
            setattr(litellm, name, _attribute(name, value))
    litellm.request_timeout_explicitly_set = "request_timeout" in config.litellm_settings
    for name in _URL_SETTINGS:
        if config.general_settings.get(name) is not None:
            setattr(litellm, name, config.general_settings[name])
    litellm.credential_list = [_credential(each) for each in config.credentials]


def build_router(config: ProxyConfig) -> Any:
    """As litellm/proxy/proxy_server.py, ProxyConfig.load_config (1.106.2). Raises SettingError."""
    known = {name: value for name, value in config.router_settings.items() if is_known(("router_settings", name))}
    wrong = [left_out(deployment) for deployment in config.deployments]
    for deployment, why in zip(config.deployments, wrong, strict=True):
        if why:
            log.warning("LiteLLM serves without this deployment of %s: %s", deployment["model_name"], why)
    deployments = [copy.deepcopy(each) for each, why in zip(config.deployments, wrong, strict=True) if not why]
    try:
        return litellm.Router(
            model_list=deployments,
            router_general_settings=RouterGeneralSettings(async_only_mode=True),
            ignore_invalid_deployments=True,
            **copy.deepcopy(known),
        )
    except Exception as error:  # noqa: BLE001 - whatever the Router has against it
        found = _culprit(known) or _culprit_among(known, error)
        raise found or SettingError(("router_settings",), error) from None


def _culprit(settings: Mapping[str, Any]) -> SettingError | None:
    alone = [(("router_settings", name), {name: copy.deepcopy(value)}) for name, value in settings.items()]
    for place, setting in [(("litellm_settings",), dict[str, Any]()), *alone]:
        try:
            if not place[-1].startswith("redis_"):  # it would be asked once more
                litellm.Router(model_list=[], **setting)
        except Exception as error:  # noqa: BLE001 - whatever the Router has against it
            return SettingError(place, error)
    return None


def _culprit_among(settings: Mapping[str, Any], failure: Exception) -> SettingError | None:
    """Where each is fine alone: one without which the others are (the arguments of a strategy)."""
    for name in reversed([*settings]):
        others = {each: copy.deepcopy(value) for each, value in settings.items() if each != name}
        with suppress(Exception):
            litellm.Router(model_list=[], **{each: value for each, value in others.items() if "redis" not in each})
            return SettingError(("router_settings", name), failure)
    return None


def left_out(deployment: Mapping[str, Any]) -> str:
    """What LiteLLM has against its parameters, for it serves without it then; "" where that is nothing.

    The Router's own words, which are in its log only, would show the value.
    """
    try:
        LiteLLM_Params.model_validate(deployment["litellm_params"])
    except ValidationError as error:
        return _without_values(error)
    return ""


def names_a_provider(deployment: Mapping[str, Any]) -> bool:
    """LiteLLM serves without one that does not."""
    router = litellm.Router(model_list=[copy.deepcopy(dict(deployment))], ignore_invalid_deployments=True)
    return bool(router.model_list)


def is_known(place: Place) -> bool:
    """Whether LiteLLM has such a setting: of its Router, or of its module."""
    if len(place) < 2 or place[0] not in ("router_settings", "litellm_settings"):
        return True
    if place[0] == "litellm_settings":
        return hasattr(litellm, str(place[1])) and not callable(getattr(litellm, str(place[1])))
    return place[1] in set(litellm.Router.get_valid_args()) - ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG


def _attribute(name: str, value: Any) -> Any:
    if name == "drop_params":
        return drop_params_flag(value, "litellm_settings.drop_params", log)
    if name != "model_group_settings":
        return value
    try:
        return ModelGroupSettings(**value)
    except ValidationError as error:
        raise SettingError(("litellm_settings", name), error) from None


def _credential(credential: Any) -> CredentialItem:
    try:
        return CredentialItem.model_validate({**credential, "display_name": None, "source": "config"})
    except (ValidationError, TypeError) as error:
        raise SettingError(("credential_list",), error) from None


def _without_values(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0]
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
