"""The key that a client sent, read where LiteLLM reads it: both proxies must take the same header for it."""

from __future__ import annotations

from collections.abc import Mapping

# The first that is sent decides (litellm/proxy/auth/user_api_key_auth.py, get_api_key, 1.106.2).
_PLAIN_HEADERS = ("api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key")
_SCHEMES = ("Bearer ", "Basic ", "bearer ")


def sent_key(headers: Mapping[str, str]) -> str | None:
    """The key without its scheme; "" where Authorization has no scheme; None where there is none."""
    own = headers.get("x-litellm-api-key")
    if own is not None:
        return _without_scheme(own, otherwise=own)
    authorization = headers.get("authorization")
    if authorization:
        return _without_scheme(authorization, otherwise="")
    return next((headers[name] for name in _PLAIN_HEADERS if name in headers), None)


def _without_scheme(value: str, otherwise: str) -> str:
    scheme = next((scheme for scheme in _SCHEMES if value.startswith(scheme)), None)
    return otherwise if scheme is None else value.replace(scheme, "")
