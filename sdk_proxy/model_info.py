"""GET /v1/model/info: each deployment with what LiteLLM knows of its model, without what is secret.

As litellm/proxy/proxy_server.py, model_info_v1 (1.106.2) where there is no database, for the holder of the master key;
its helpers are in that module, which takes seconds to import: they are written down here.
"""

from __future__ import annotations

import copy
from typing import Any

import litellm
import orjson
from fastapi import HTTPException
from fastapi.encoders import jsonable_encoder
from litellm.proxy._types import CommonProxyErrors
from litellm.proxy.auth.model_checks import expand_wildcard_deployments_for_model_info
from litellm.proxy.common_utils.discoverable_model_filter import undiscoverable_model_names
from litellm.proxy.common_utils.openai_endpoint_utils import remove_sensitive_info_from_deployment
from litellm.types.proxy.management_endpoints.model_management_endpoints import ModelGroupInfoProxy
from litellm.types.utils import PRICING_OVERRIDES_KEY, is_server_derived_pricing_key, pricing_override_fields
from litellm.utils import cost_map_omits_token_price

from sdk_proxy import model_list
from sdk_proxy.authentication import administrator

_PRICES = ("input_cost_per_token", "output_cost_per_token")


def info(router: Any, deployment_id: str | None, of_teams: bool) -> bytes:
    """JSON. Raises HTTPException: 400 for a deployment that there is not, 500 for teams, which need a database."""
    if of_teams:
        raise HTTPException(500, {"error": CommonProxyErrors.db_not_connected_error.value})
    rows = _deployments(router) if deployment_id is None else [_deployment(router, deployment_id)]
    told = {"data": [_enriched(row, router) for row in rows]}
    return orjson.dumps(told, default=jsonable_encoder, option=orjson.OPT_NON_STR_KEYS)


def groups(router: Any, asked: str | None) -> list[Any]:
    """As proxy_server.py, model_group_info and get_model_group_info (1.106.2): each name, or the one that is asked."""
    names = list(dict.fromkeys(model_list.names(router)))
    hidden = undiscoverable_model_names(names, router, administrator(), None)
    listed = [name for name in names if name not in hidden and asked in (None, name)]
    public = litellm.public_model_groups or ()
    rows = [(router.get_model_group_info(model_group=name), name) for name in listed]
    return [
        ModelGroupInfoProxy(
            **(row.model_dump() if row else {"model_group": name, "providers": []}),
            is_public_model_group=name in public,
        )
        for row, name in rows
    ]


def _deployments(router: Any) -> list[dict[str, Any]]:
    listed = copy.deepcopy([*router.model_list, *router.get_model_list_from_model_alias()])
    rows: list[dict[str, Any]] = expand_wildcard_deployments_for_model_info(listed)
    return rows


def _deployment(router: Any, deployment_id: str) -> dict[str, Any]:
    deployment = router.get_deployment(model_id=deployment_id)
    if deployment is None:
        raise HTTPException(400, {"error": f"Model id = {deployment_id} not found on litellm proxy"})
    row: dict[str, Any] = deployment.model_dump(exclude_none=True)
    return row


def _enriched(row: dict[str, Any], router: Any) -> dict[str, Any]:
    """As _enrich_model_info_with_litellm_data: what is configured goes before what LiteLLM knows."""
    configured, params = row.get("model_info", {}), row.get("litellm_params") or {}
    own_prices = {k: v for k, v in params.items() if v is not None and is_server_derived_pricing_key(k)}
    stamped = {**configured, **own_prices, PRICING_OVERRIDES_KEY: pricing_override_fields(configured, own_prices)}
    discovered = router.get_discovered_model_info(configured.get("id"))
    known = _known(str(params.get("model")), configured.get("base_model"))
    if cost_map_omits_token_price(configured.get("id"), known.get("key")):
        known |= dict.fromkeys((name for name in _PRICES if name in known), None)
    more = {
        k: v for k, v in {**known, **discovered}.items() if k not in stamped or (stamped[k] is None and k in discovered)
    }
    told: dict[str, Any] = remove_sensitive_info_from_deployment(
        {**row, "model_info": {**stamped, **more}}, excluded_keys={"litellm_credential_name"}
    )
    return told


def _known(model: str, base_model: str | None) -> dict[str, Any]:
    """By the base model, by the model, by its name behind the provider; {} where LiteLLM knows none of them."""
    first = base_model if "azure" in model or base_model else model
    parts = model.split("/")
    for wanted in ({"model": first}, {"model": model}, {"model": parts[-1], "custom_llm_provider": parts[0]}):
        try:
            return dict(litellm.get_model_info(**wanted))
        except Exception:  # noqa: BLE001, S112 - whatever it says, the next may be known
            continue
    return {}
