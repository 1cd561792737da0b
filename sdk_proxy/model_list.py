"""GET /v1/models and /v1/models/{id}, in OpenAI's shape and in Anthropic's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import litellm
from fastapi import HTTPException
from litellm.llms.anthropic.common_utils import create_anthropic_model_list_response
from litellm.proxy.auth.model_checks import get_complete_model_list
from litellm.proxy.common_utils.codex_model_catalog import codex_model_list_body
from litellm.proxy.common_utils.model_listing_utils import (
    ClaudeCodeRoutingNames,
    claude_code_requested_group,
    claude_code_view_ids,
    configured_display_names,
)
from litellm.proxy.utils import create_model_info_response, validate_model_access
from pydantic import BaseModel


class Asked(BaseModel, frozen=True):
    """The query of /v1/models, as far as it means something without a database, and without health checks."""

    return_wildcard_routes: bool | None = False
    include_model_access_groups: bool | None = False
    only_model_access_groups: bool | None = False
    include_metadata: bool | None = False
    fallback_type: str | None = None
    scope: str | None = None
    healthy_only: bool | None = False
    client_version: str | None = None


def models(router: Any, headers: Mapping[str, str], asked: Asked) -> Mapping[str, Any] | str:
    """As litellm/proxy/proxy_server.py, model_list (1.106.2): every name of the configuration, once, in its order.

    Text for Codex, which tells its version. Raises HTTPException 400 for a scope and a fallback_type that there is not.
    """
    if asked.scope not in (None, "expand"):
        only = "Only 'expand' is currently supported."
        raise HTTPException(400, f"Invalid scope parameter. {only} Received: {asked.scope}")
    listed = names(router, asked)
    listing = [_entry(router, name, "openai", asked) for name in listed]
    if asked.client_version is not None:
        body: str = codex_model_list_body(listing, [(name, name) for name in listed], router)
        return body
    if "anthropic-version" not in headers:
        return {"data": listing, "object": "list"}
    shape: Mapping[str, Any] = create_anthropic_model_list_response(
        listing,
        display_names=configured_display_names([(name, name) for name in listed], router),
        listed_ids=claude_code_view_ids(listing, headers, ClaudeCodeRoutingNames(router)),
    )
    return shape


def model(router: Any, model_id: str) -> dict[str, Any]:
    """Raises HTTPException 404 for a name that is not configured. As proxy_server.py, model_info (1.106.2)."""
    validate_model_access(model_id, names(router))
    deployment = router.get_deployment_by_model_group_name(model_id)
    if deployment is None:  # an alias, or one of those that a wildcard stands for
        raise HTTPException(404, f"Model '{model_id}' not found in router configuration")
    _, provider, _, _ = litellm.get_llm_provider(model=deployment.litellm_params.model)
    return _entry(router, model_id, provider)


def picked(router: Any, asked: str) -> str:
    """The model behind a name that only Claude Code's picker has (`claude-sonnet-5[1m]`); any other name stays.

    As litellm/proxy/auth/user_api_key_auth.py, _normalize_claude_model (1.106.2).
    """
    if not asked.startswith("claude-router-") and not asked.lower().endswith("[1m]"):
        return asked
    return claude_code_requested_group(asked, router, None) or asked


def names(router: Any, asked: Asked = Asked()) -> list[str]:  # noqa: B008 - it is frozen
    """With those that a wildcard stands for, without the deployments that are blocked."""
    listed: list[str] = get_complete_model_list(
        key_models=[],
        team_models=[],
        proxy_model_list=router.get_model_names(),
        user_model=None,
        infer_model_from_keys=False,
        return_wildcard_routes=asked.return_wildcard_routes,
        llm_router=router,
        model_access_groups=router.get_model_access_groups(),
        include_model_access_groups=asked.include_model_access_groups,
        only_model_access_groups=asked.only_model_access_groups,
    )
    blocked = router.get_fully_blocked_model_names()
    return [name for name in listed if name not in blocked]


def _entry(router: Any, name: str, provider: str, asked: Asked = Asked()) -> dict[str, Any]:  # noqa: B008 - it is frozen
    entry: dict[str, Any] = create_model_info_response(
        model_id=name,
        provider=provider,
        include_metadata=asked.include_metadata or False,
        fallback_type=asked.fallback_type,
        llm_router=router,
    )
    return entry
