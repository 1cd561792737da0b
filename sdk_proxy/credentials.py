"""The key that a client sent, read where LiteLLM reads it: both proxies must take the same header for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The first that is sent decides (litellm/proxy/auth/user_api_key_auth.py, get_api_key, 1.106.2).
_PLAIN_HEADERS = ("api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key")
_SCHEMES = ("Bearer ", "Basic ", "bearer ")
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256.*?Credential=(?:Bearer\s+)?([^/\s,]+)"
)  # as LangChain's Bedrock client sends it


def sent_key(headers: Mapping[str, str]) -> str | None:
    """The key without its scheme; "" where Authorization has no scheme; None where there is none."""
    own = headers.get("x-litellm-api-key")
    if own:
        return _without_scheme(own, otherwise=own)
    authorization = headers.get("authorization")
    if authorization:
        return _without_scheme(authorization, otherwise="")
    return next((headers[name] for name in _PLAIN_HEADERS if headers.get(name)), None)


def _without_scheme(value: str, otherwise: str) -> str:
    scheme = next((scheme for scheme in _SCHEMES if value.startswith(scheme)), None)
    if scheme is not None:
        return value.replace(scheme, "")
    signed = _SIGNED.match(value)
    return signed.group(1) if signed else otherwise
