"""Routes that LiteLLM's proxy has and this one does not: which they are, and what a client is told of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import litellm
from fastapi import Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, Response

# A deployment's mode (types/utils.py, ModelInfoBase, 1.106.2) -> the route that only such deployments are for.
ROUTE_OF_MODE = {
    "ocr": "/v1/ocr",
    "realtime": "/v1/realtime",
    "rerank": "/v1/rerank",
    "search": "/v1/search",
    "vector_store": "/v1/vector_stores",
    "video_generation": "/v1/videos",
}


async def not_found_handler(request: Request, error: Any) -> Response:
    """In OpenAI's envelope, where LiteLLM serves that path; as FastAPI's own, where it does not either."""
    path = request.url.path
    if "endpoint" in request.scope or not any(route.fullmatch(path) for route in _routes()):
        return await http_exception_handler(request, error)
    words = f"This gateway does not serve {path}. LiteLLM's own proxy does."
    fault = {"message": words, "type": "not_found_error", "param": None, "code": "route_not_served"}
    return JSONResponse({"error": fault}, 404)


def unserved_route(deployment: Mapping[str, Any]) -> str | None:
    """The one route that the deployment is for, if it is not served here."""
    mode = (deployment.get("model_info") or {}).get("mode")
    if mode is None:
        try:
            mode = litellm.get_model_info(deployment["litellm_params"]["model"])["mode"]
        except Exception:  # noqa: BLE001 - LiteLLM has never heard of the model
            return None
    return ROUTE_OF_MODE.get(mode)


@lru_cache(maxsize=1)
def _routes() -> tuple[re.Pattern[str], ...]:
    """`{name}` is one part of a path, `{name:path}` and `*` are any number of them."""
    from litellm.proxy._types import LiteLLMRoutes  # noqa: PLC0415 - `check` needs the modes only, and no second more

    paths: set[str] = set(LiteLLMRoutes.llm_api_routes.value)
    written = (re.sub(r"\\{\w+(:path)?\\}", lambda m: ".+" if m[1] else "[^/]+", re.escape(path)) for path in paths)
    return tuple(re.compile(path.replace(r"\*", ".*")) for path in sorted(written))
