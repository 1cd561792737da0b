from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litellm.llms.openai import openai as openai_calls

from harness.model import Reply, Request
from harness.upstream import openai_wire
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from sdk_proxy.unprocessable import refused_twice_is_refused
from tests.sdk_proxy.sdk import NO_RETRIES, chat, client_of

DROPPING: dict[str, Any] = {"drop_params": True}


async def asked(improvise: Callable[[Request], Reply], body: dict[str, Any]) -> httpx.Response:
    async with (
        SimulatedUpstream(improvise=improvise, gap=0) as upstream,
        client_of(upstream, router_settings=NO_RETRIES, litellm_settings=DROPPING) as client,
    ):
        return await client.post("/v1/chat/completions", json=body)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_refused_twice_is_refused_in_the_upstreams_words(stream: bool) -> None:
    answer = await asked(lambda _: openai_wire.error_reply(422, "odd indeed"), chat("gpt-5", stream=stream))
    assert answer.status_code == 422
    assert "odd indeed" in answer.json()["error"]["message"]


async def test_what_goes_through_at_the_second_try_is_answered() -> None:
    refused: list[Request] = []
    answer = autoplay()

    def reply(request: Request) -> Reply:
        if refused:
            return answer(request)
        refused.append(request)
        return openai_wire.error_reply(422, "odd indeed")

    got = await asked(reply, chat("gpt-5"))
    assert (got.status_code, got.json()["object"]) == (200, "chat.completion")


def test_afterwards_litellm_is_as_it_was() -> None:
    before = openai_calls.drop_params_from_unprocessable_entity_error, openai_calls.OpenAIChatCompletion.acompletion
    with refused_twice_is_refused():
        pass
    after = openai_calls.drop_params_from_unprocessable_entity_error, openai_calls.OpenAIChatCompletion.acompletion
    assert after == before
