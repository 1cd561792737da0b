"""What LiteLLM keeps accounts for: callbacks of the configuration, caches, limits.

Where there is none of them, only the Router's count of a deployment's successes has a reader, its cooldowns; and the
price of an answer, which its headers tell. The rest (1.106.2: a quarter of the time of a message) is left undone then.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import chain
from typing import Any

import litellm
from litellm.constants import LITELLM_MAX_STREAMING_DURATION_SECONDS
from litellm.router_utils.router_callbacks.track_deployment_metrics import (
    increment_deployment_successes_for_current_minute,
)

from sdk_proxy.call import Call

_CACHE = "cache"  # LiteLLM's own, from the first Gemini call on, for litellm.cache
_LIMITS = ("tpm", "rpm", "max_parallel_requests", "input_tpm", "output_tpm")


def close_fast_path(router: Any) -> None:
    """Make every call of this Router go LiteLLM's way: each shortcut asks `nobody_reads` first."""
    router.has_fast_path = False


def nobody_reads(router: Any) -> bool:
    """Whether no callback, rule, cache, strategy or limit of the configuration goes by what an answer says."""
    if not getattr(router, "has_fast_path", True):
        return False
    readers = (litellm.callbacks, litellm.success_callback, litellm._async_success_callback, litellm.service_callback)
    known = (each == _CACHE or isinstance(getattr(each, "__self__", None), litellm.Router) for each in chain(*readers))
    if litellm.post_call_rules or litellm.cache or LITELLM_MAX_STREAMING_DURATION_SECONDS is not None:
        return False
    return all(known) and not _has_limits(router)


def spare(call: Call, router: Any) -> None:
    """LiteLLM asks the call's logging object to note its success; here that is counted, and no more."""
    if nobody_reads(router):
        call.logging.async_success_handler = partial(_noted, call.logging, router)


def succeeded(router: Any, deployment: Any) -> None:
    """`deployment`: its id. As router.py, deployment_callback_on_success (1.106.2)."""
    if isinstance(deployment, str):
        increment_deployment_successes_for_current_minute(router, deployment)


def remember_unlimited(router: Any) -> None:
    """The Router looks at every answer whether its deployment has a limit, 0.5 ms, and forgets that it has none."""
    counted, unlimited = router._increment_deployment_usage, set[str]()

    async def increment(*, deployment_id: str, rpm_increment: int, **given: Any) -> Any:
        if deployment_id in unlimited:
            return None
        key = await counted(deployment_id=deployment_id, rpm_increment=rpm_increment, **given)
        if key is None and rpm_increment:
            unlimited.add(deployment_id)
        return key

    router._increment_deployment_usage = increment


async def _noted(logging: Any, router: Any, result: Any = None, *_: Any, **__: Any) -> None:
    if logging._is_assembled_stream_success(result) or logging.should_run_logging(event_type="async_success"):
        logging.has_run_logging(event_type="async_success")
        info = (logging.model_call_details.get("litellm_params") or {}).get("model_info") or {}
        succeeded(router, info.get("id"))


@lru_cache(maxsize=1)
def _has_limits(router: Any) -> bool:
    places = ((each, each["litellm_params"], each.get("model_info") or {}) for each in router.model_list)
    limited = any(place.get(name) is not None for three in places for place in three for name in _LIMITS)
    strategy: str = router.routing_strategy
    return limited or router.default_max_parallel_requests is not None or strategy != "simple-shuffle"
