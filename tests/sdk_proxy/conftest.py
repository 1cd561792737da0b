"""LiteLLM reads this when it is imported: without it, it would fetch its list of prices from the network."""

import os
from collections.abc import Iterator

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
import pytest

_READERS = ("callbacks", "success_callback", "failure_callback", "_async_success_callback", "_async_failure_callback")
_OTHERS = ("service_callback", "input_callback", "post_call_rules")


@pytest.fixture(autouse=True)
def nobody_left_behind() -> Iterator[None]:
    """What a test tells LiteLLM to call stays with that test: the next one's proxy would go by it."""
    before = {name: [*getattr(litellm, name)] for name in (*_READERS, *_OTHERS)}
    cache = litellm.cache
    yield
    for name, readers in before.items():
        setattr(litellm, name, readers)
    litellm.cache = cache
