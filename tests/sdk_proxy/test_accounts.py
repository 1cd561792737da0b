import asyncio
from collections.abc import Iterator
from typing import Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from sdk_proxy import learnt, same_format, translated
from sdk_proxy.accounts import nobody_reads, remember_unlimited
from sdk_proxy.operation import Operation
from tests.sdk_proxy.sdk import chat, client_of, message
from tests.waiting import PATIENCE


def router(**of_the_deployment: Any) -> litellm.Router:
    params = {"model": "openai/gpt-5", "api_key": "none", **of_the_deployment}
    return litellm.Router(model_list=[{"model_name": "a", "litellm_params": params, "model_info": {"id": "the-id"}}])


@pytest.fixture
def callbacks() -> Iterator[list[Any]]:
    before = list(litellm.callbacks)
    yield litellm.callbacks
    litellm.callbacks[:] = before


def test_the_routers_own_callbacks_are_nobody(callbacks: list[Any]) -> None:
    plain = router()
    assert nobody_reads(plain)
    callbacks.append(CustomLogger())
    assert not nobody_reads(plain)


@pytest.mark.parametrize("limit", [{"rpm": 10}, {"tpm": 10}, {"max_parallel_requests": 1}])
def test_a_limit_is_somebody(limit: dict[str, int]) -> None:
    assert not nobody_reads(router(**limit))


def test_a_strategy_that_goes_by_answers_is_somebody() -> None:
    busy = litellm.Router(model_list=[], routing_strategy="least-busy")
    litellm.callbacks[:] = [each for each in litellm.callbacks if "LeastBusy" not in type(each).__name__]
    assert not nobody_reads(busy)


SHORTCUTS = {
    "template": (learnt, "begun"),
    "stream of a chat": (same_format, "chat"),
    "stream of messages": (same_format, "messages"),
    "translated stream": (translated, "chat"),
}


@pytest.mark.parametrize(("has_fast_path", "taken"), [(True, set(SHORTCUTS)), (False, set())])
async def test_no_call_takes_a_shortcut_while_the_fast_path_is_off(
    has_fast_path: bool, taken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: set[str] = set()

    def watch(name: str, shortcut: Any) -> Any:
        def call(*given: Any) -> Any:
            found.add(name)
            return shortcut(*given)

        return call

    for name, (module, function) in SHORTCUTS.items():
        monkeypatch.setattr(module, function, watch(name, getattr(module, function)))
    off = Operation(fast_path=has_fast_path)
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream, operation=off) as client:
        for stream in (True, False):
            for _ in range(3):
                assert (await client.post("/v1/messages", json=message("claude-sonnet-5", stream))).status_code == 200
                for model in ("gpt-5", "claude-sonnet-5", "gemini-2.5-pro"):
                    answer = await client.post("/v1/chat/completions", json=chat(model, stream))
                    assert answer.status_code == 200
    assert found == taken


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "body"), [("/v1/chat/completions", chat("gpt-5")), ("/v1/messages", message("claude-sonnet-5"))]
)
async def test_a_success_is_counted_once_for_the_cooldowns(
    path: str, body: dict[str, Any], stream: bool, counted: list[str]
) -> None:
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        answer = await client.post(path, json={**body, "stream": stream})
        assert answer.status_code == 200
        async with asyncio.timeout(PATIENCE):
            while not counted:
                await asyncio.sleep(0.001)
    assert len(counted) == 1 and len(counted[0]) == 64  # LiteLLM's id of a deployment: a SHA-256


async def test_a_deployment_without_limits_is_looked_at_once() -> None:
    asked: list[str] = []
    plain = router()
    counting = plain._increment_deployment_usage

    async def counted(**given: Any) -> Any:
        asked.append(given["deployment_id"])
        return await counting(**given)

    plain._increment_deployment_usage = counted
    remember_unlimited(plain)
    usage = {"deployment_name": "openai/gpt-5", "model_group": "a", "total_tokens": 9, "parent_otel_span": None}
    for _ in range(2):
        assert await plain._increment_deployment_usage(deployment_id="the-id", rpm_increment=1, **usage) is None
    assert asked == ["the-id"]


async def test_one_with_a_limit_is_counted_every_time() -> None:
    limited = router(rpm=10)
    remember_unlimited(limited)
    usage = {"deployment_name": "openai/gpt-5", "model_group": "a", "total_tokens": 9, "parent_otel_span": None}
    for _ in range(2):
        assert await limited._increment_deployment_usage(deployment_id="the-id", rpm_increment=1, **usage)
