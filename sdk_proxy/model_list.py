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


def models(router: Any, headers: Mapping[str, str]) -> Mapping[str, Any]:
    """As litellm/proxy/proxy_server.py, model_list (1.106.2): every name of the configuration, once, in its order."""
    listed = names(router)
    listing = [_entry(router, name, "openai") for name in listed]
    if "anthropic-version" not in headers:
        return {"data": listing, "object": "list"}
    shape: Mapping[str, Any] = create_anthropic_model_list_response(
        listing,
        display_names=configured_display_names([(name, name) for name in listed], router),
        listed_ids=claude_code_view_ids(listing, headers, ClaudeCodeRoutingNames(router)),
    )
    return shape


def codex_models(router: Any) -> str:
    """The body of `/v1/models?client_version=...`, as Codex asks for it."""
    listed = names(router)
    listing = [_entry(router, name, "openai") for name in listed]
    body: str = codex_model_list_body(listing, [(name, name) for name in listed], router)
    return body


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


def names(router: Any) -> list[str]:
    """With those that a wildcard stands for, without the deployments that are blocked."""
    listed: list[str] = get_complete_model_list(
        key_models=[],
        team_models=[],
        proxy_model_list=router.get_model_names(),
        user_model=None,
        infer_model_from_keys=False,
        llm_router=router,
    )
    blocked = router.get_fully_blocked_model_names()
    return [name for name in listed if name not in blocked]


def _entry(router: Any, name: str, provider: str) -> dict[str, Any]:
    entry: dict[str, Any] = create_model_info_response(model_id=name, provider=provider, llm_router=router)
    return entry
