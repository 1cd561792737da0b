"""What LiteLLM's SDK looks up in the module of its proxy's server, without that module.

Here and there (the adapter behind /v1/messages, context management, the advisor tool) the SDK imports
`litellm.proxy.proxy_server` in the middle of a request, to see whether it runs inside of it. That import takes 8 s, in
which no other request is answered, and 100 MB; and what it finds then is a server that nobody has configured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from litellm.caching.dual_cache import DualCache
from litellm.proxy._types import CommonProxyErrors, ProxyException
from litellm.proxy.utils import ProxyLogging

from sdk_proxy import token_counting

NAME = "litellm.proxy.proxy_server"
# What only the server process has: as it is there without a database.
_NOTHING = (
    "model_max_budget_limiter",
    "open_telemetry_logger",
    "prisma_client",
    "proxy_config",
    "redis_usage_cache",
    "shared_aiohttp_session",
    "user_api_key_cache",
    "user_custom_auth",
)


@contextmanager
def in_its_place(router: Any, general_settings: Mapping[str, Any], master_key: str | None = None) -> Iterator[None]:
    """Within the block the SDK finds our Router and settings there, as it does behind the LiteLLM binary.

    `general_settings` must be there: without them the SDK takes it that there is no proxy, and lets a client choose
    where its calls go (interceptors/advisor.py, _allow_client_side_advisor_credentials, 1.106.2). With `master_key` the
    ids of responses are encrypted (proxy/hooks/responses_id_security.py), so that both proxies know each other's.
    """
    before = sys.modules.get(NAME)
    sys.modules[NAME] = _module(router, general_settings, master_key)
    try:
        yield
    finally:
        del sys.modules[NAME]
        if before is not None:
            sys.modules[NAME] = before


def _module(router: Any, general_settings: Mapping[str, Any], master_key: str | None) -> ModuleType:
    module = ModuleType(NAME, "Stands in for LiteLLM's server.")
    vars(module).update(dict.fromkeys(_NOTHING))
    vars(module).update(llm_router=router, general_settings=dict(general_settings), master_key=master_key)
    vars(module).update(premium_user=False, disable_spend_logs=False, llm_model_list=router.model_list)
    vars(module).update(general_settings_view=lambda: general_settings, proxy_logging_obj=ProxyLogging(DualCache()))
    vars(module).update(CommonProxyErrors=CommonProxyErrors, ProxyException=ProxyException)
    vars(module).update(token_counter=token_counting.counter(router))
    vars(module).update(_close_dangling_otel_server_span=lambda *_, **__: None)
    return module
