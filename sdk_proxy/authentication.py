"""Who may call: the master key, in any header that LiteLLM reads it from, and no request that could take a key away."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from litellm.proxy._types import ProxyException, UserAPIKeyAuth
from litellm.proxy.auth.auth_utils import is_request_body_safe
from pydantic import SecretStr

from sdk_proxy.credentials import sent_key


def authenticate(headers: Mapping[str, str], master_key: SecretStr | None, query_key: str | None = None) -> None:
    """Raises ProxyException, with LiteLLM's words, unless the key is the master key. Compares in constant time.

    `query_key`: where LiteLLM reads one, without a key in the headers (get_api_key, 1.106.2).
    """
    if master_key is None:
        return
    key = sent_key(headers)
    if key is None:
        key = query_key or None
    if key is None:
        raise _refusal("No api key passed in.")
    if not key:
        raise _refusal("Malformed API Key passed in. Ensure Key has `Bearer ` prefix.")
    if not hmac.compare_digest(key.encode(), master_key.get_secret_value().encode()):
        raise ProxyException(message="No connected db.", type="no_db_connection", code=400, param=None)


def refuse_unsafe(body: dict[str, Any], general_settings: Mapping[str, Any], router: Any, route: str) -> None:
    """What a client may not set (api_base, api_key, model_list ...) is refused by LiteLLM's own check."""
    try:
        is_request_body_safe(body, dict(general_settings), router, body.get("model", ""), route=route)
    except ValueError as error:
        raise _refusal(str(error)) from error


def administrator(**more: Any) -> UserAPIKeyAuth:
    """Whom LiteLLM takes the holder of the master key for, where there is no database."""
    return _administrator().model_copy(update=more)


@lru_cache(maxsize=1)
def _administrator() -> UserAPIKeyAuth:
    return UserAPIKeyAuth(user_role="proxy_admin", user_id="default_user_id", spend=0.0)


def _refusal(message: str) -> ProxyException:
    return ProxyException(message=f"Authentication Error, {message}", type="auth_error", param="None", code=401)
