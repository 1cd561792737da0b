import subprocess
import sys
from types import ModuleType

import pytest

from harness.model import header
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from sdk_proxy.proxy_server import NAME, in_its_place
from tests.sdk_proxy.sdk import client_of, message


class Router:
    model_list = ()


def test_the_sdk_finds_our_router_and_settings_and_nothing_that_needs_a_database():
    router = Router()
    with in_its_place(router, {"allow_client_side_credentials": False}):
        from litellm.proxy.proxy_server import general_settings, llm_router, prisma_client
    assert llm_router is router
    assert general_settings == {"allow_client_side_credentials": False}
    assert prisma_client is None


@pytest.mark.parametrize("before", [None, ModuleType(NAME)])
def test_afterwards_everything_is_as_it_was(before, monkeypatch):
    monkeypatch.delitem(sys.modules, NAME, raising=False)  # LiteLLM's threads of other tests may have imported its own
    if before is not None:
        monkeypatch.setitem(sys.modules, NAME, before)
    with in_its_place(Router(), {}):
        assert sys.modules[NAME].llm_router
    assert sys.modules.get(NAME) is before


def test_an_attribute_that_is_not_there_is_an_import_error_as_the_sdk_expects():
    with in_its_place(Router(), {}), pytest.raises(ImportError):
        from litellm.proxy.proxy_server import no_such_thing  # noqa: F401


@pytest.mark.parametrize("tools", [[], [{"type": "advisor_20260301", "name": "advisor", "model": "gpt-5"}]])
async def test_a_message_for_another_protocol_needs_no_server(tools):
    body = message("gemini-2.5-flash", **({"tools": tools} if tools else {}))
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        answer = await client.post("/v1/messages", json=body)
        assert type(sys.modules[NAME]).__module__ == "builtins"
        assert not hasattr(sys.modules[NAME], "app")
    assert answer.status_code == 200, answer.text


async def test_a_client_cannot_choose_where_the_advisor_is_asked():
    advisor = {
        "type": "advisor_20260301",
        "name": "advisor",
        "model": "anthropic/claude-sonnet-5",
        "api_base": "https://127.0.0.1:9",
        "api_key": "its-own",
    }
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream) as client:
        answer = await client.post("/v1/messages", json=message("gemini-2.5-flash", tools=[advisor]))
        sent = [value for exchange in upstream.unscripted for _, value in exchange.request.headers]
    assert "its-own" not in sent
    assert header(tuple(answer.headers.items()), "x-litellm-call-id")


def test_the_proxy_starts_without_litellms_server():
    program = f"import sys, sdk_proxy.litellm_proxy_sdk; sys.exit({NAME!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
