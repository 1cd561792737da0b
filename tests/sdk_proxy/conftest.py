"""LiteLLM reads this when it is imported: without it, it would fetch its list of prices from the network."""

import os
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
import pytest

from sdk_proxy import accounts, config_file

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


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the deployments whose successes the Router has counted since."""
    ids: list[str] = []
    monkeypatch.setattr(
        accounts,
        "increment_deployment_successes_for_current_minute",
        lambda litellm_router_instance, deployment_id: ids.append(deployment_id),
    )
    return ids


class _Everything(dict[str, str]):
    def __contains__(self, _: Any) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return name


@pytest.fixture(autouse=True)
def environment_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """schema.load_config leaves out what the process has no variable for; a test gives it an environment of its own,
    and is told by it what is missing there."""
    monkeypatch.setattr(config_file, "PROCESS_ENVIRONMENT", _Everything())
