"""litellm.Router as the configurations of tests/parity set it up, in front of a simulated provider."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import litellm
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.model import Reply, Request
from harness.traffic.scenario_file import read_all
from harness.upstream import openai_wire
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from sdk_proxy.config_check import examined, judge, rules
from sdk_proxy.config_parser import parse
from sdk_proxy.litellm_proxy_sdk import assemble
from sdk_proxy.litellm_router import SettingError, build_router, configure, is_known, left_out
from sdk_proxy.schema import Config, load_config
from tests.sdk_proxy.loopback import served
from tests.sdk_proxy.sdk import KEY, chat, environment
from tests.waiting import PATIENCE

CHAT = "/v1/chat/completions"
CONFIGS = Path(__file__).parents[1] / "parity"


@pytest.fixture(autouse=True)
def _litellm_as_it_was(monkeypatch):
    """The settings of a configuration are the process's; the other tests have none."""
    for name in ("default_fallbacks", "drop_params", "model_alias_map", "modify_params", "num_retries"):
        monkeypatch.setattr(litellm, name, getattr(litellm, name))
    for name in ("cache", "credential_list", "request_timeout", "request_timeout_explicitly_set"):
        monkeypatch.setattr(litellm, name, getattr(litellm, name))
    for name in ("callbacks", "input_callback", "success_callback", "failure_callback"):  # strategies listen there
        monkeypatch.setattr(litellm, name, list(getattr(litellm, name)))
        if hasattr(litellm, f"_async_{name}"):
            monkeypatch.setattr(litellm, f"_async_{name}", list(getattr(litellm, f"_async_{name}")))
    monkeypatch.setenv("NOBODY_READS_IT", "")


@asynccontextmanager
async def client_of(upstream: SimulatedUpstream, name: str) -> AsyncIterator[httpx.AsyncClient]:
    environ = environment(upstream.url)
    config = parse(load_config(CONFIGS / name / "config.yaml", environ), environ)
    async with (
        served(assemble(config)) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {KEY}"}, timeout=PATIENCE
        ) as client,
    ):
        yield client


def refusing(path: str) -> Callable[[Request], Reply]:
    """All is well, but for the calls whose path, or model, is that one."""
    answer = autoplay()
    refused = openai_wire.error_reply(500, "no")
    return lambda request: refused if path in request.path or f'"{path}"'.encode() in request.body else answer(request)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_the_configuration_itself_gives_ends_well(stream):
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream, "parameters") as client:
        answer = await client.post(CHAT, json=chat("mocked", stream))
        assert not upstream.unscripted
    assert answer.text.endswith("data: [DONE]\n\n") if stream else "provider's" in answer.text
    assert "error" not in answer.text


async def test_retries_fallbacks_and_aliases_are_those_of_the_configuration():
    async with (
        SimulatedUpstream(improvise=refusing("gpt-5-mini"), gap=0) as upstream,
        client_of(upstream, "routing") as client,
    ):
        fell_back = await client.post(CHAT, json=chat("shaky"))
        assert [exchange.request.path for exchange in upstream.unscripted] == [
            "/openai/v1/chat/completions", "/openai/v1/chat/completions", "/anthropic/v1/messages"
        ]  # fmt: skip
        aliases = [await client.post(CHAT, json=chat(name)) for name in ("sonnet", "hidden", "team-claude-x", "nobody")]
    assert fell_back.json()["model"] == "claude-sonnet-5"
    assert [answer.status_code for answer in aliases] == [200] * 4


async def test_a_wildcard_is_listed_as_what_it_stands_for_and_a_hidden_alias_is_not():
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream, "routing") as client:
        listed = [entry["id"] for entry in (await client.get("/v1/models")).json()["data"]]
        alias, unknown = [await client.get(f"/v1/models/{name}") for name in ("sonnet", "nobody")]
    assert {"openai/gpt-4o", "sonnet", "pair"} < set(listed)
    assert listed.count("pair") == 1 and "hidden" not in listed
    assert alias.json() == {"detail": "Model 'sonnet' not found in router configuration"}
    assert unknown.json() == {"detail": "The model `nobody` does not exist or is not accessible"}


async def test_what_the_configuration_adds_goes_up():
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream, "parameters") as client:
        for name in ("gpt-tuned", "claude-old"):
            assert (await client.post(CHAT, json=chat(name, user="dropped"))).status_code == 200
        (openai, anthropic) = [exchange.request for exchange in upstream.unscripted]
    assert {"temperature": 0.25, "top_p": 1, "of_the_deployment": {"a": [1]}}.items() <= json.loads(openai.body).items()
    assert "user" not in json.loads(openai.body)
    assert {"temperature": 0.5, "max_tokens": 1234}.items() <= json.loads(anthropic.body).items()
    assert dict(anthropic.headers)["x-api-key"] == "anthropic-key"


async def test_the_settings_of_the_module_are_set_before_the_first_request():
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream, client_of(upstream, "parameters"):
        assert (litellm.request_timeout, litellm.request_timeout_explicitly_set) == (90, True)
        assert (litellm.drop_params, litellm.modify_params, litellm.num_retries) == (True, True, 0)
        assert [credential.credential_name for credential in litellm.credential_list] == ["anthropic-account"]
        assert os.environ["NOBODY_READS_IT"] == "12"


def test_a_value_that_litellm_does_not_start_with_is_told_with_its_key_and_without_the_value():
    deployments = ({"model_name": "a", "litellm_params": {"model": "openai/a", "api_key": "k"}},)
    environ = environment("http://127.0.0.1:1")
    config = replace(parse(load_config(CONFIGS / "routing" / "config.yaml", environ), environ), deployments=deployments)
    for wrong, key in (
        ({"retry_policy": {"BadRequestErrorRetries": "hush"}}, "router_settings.retry_policy"),
        ({"num_retries": 1, "fallbacks": [{"a": ["b"], "c": ["d"]}]}, "router_settings.fallbacks"),
    ):
        with pytest.raises(SettingError, match=key) as raised:
            build_router(replace(config, router_settings=wrong))
        assert "hush" not in str(raised.value)
    with pytest.raises(SettingError, match="credential_list: credential_name") as raised:
        configure(replace(config, credentials=({"credential_name": ["hush"]},)))
    assert "hush" not in str(raised.value)


def test_a_deployment_that_litellm_serves_without_is_left_out_and_not_shown(caplog):
    usable = {"model_name": "a", "litellm_params": {"model": "openai/a", "api_key": "k"}}
    environ = environment("http://127.0.0.1:1")
    config = parse(load_config(CONFIGS / "routing" / "config.yaml", environ), environ)
    wrong = {"model_name": "b", "litellm_params": {"model": "openai/b", "aws_secret_access_key": ["hush"]}}
    router = build_router(replace(config, deployments=(wrong, usable)))
    assert router.get_model_names()[:1] == ["a"] and "b" not in router.get_model_names()
    assert left_out(wrong) == "aws_secret_access_key: Input should be a valid string"
    assert "without this deployment of b: aws_secret_access_key" in caplog.text and "hush" not in caplog.text


TYPED = {
    "integer": st.integers(-3, 10),
    "number": st.integers(0, 90) | st.floats(0, 90),
    "boolean": st.booleans(),
    "text": st.sampled_from(["", "a", "INFO"]),
    "list": st.lists(st.dictionaries(st.sampled_from(["a", "b", "*"]), st.lists(st.just("a")), max_size=2), max_size=2),
    "mapping": st.dictionaries(st.sampled_from(["a", "ttl", "BadRequestErrorRetries"]), st.integers() | st.text()),
}
SETTINGS = {
    key.partition(".")[2]: st.sampled_from(rule.choices[:-2]) if rule.choices else TYPED[rule.type]
    for rule in rules()
    for key in rule.keys
    if key.startswith("router_settings.") and "redis" not in key and (rule.type or rule.choices)
}
DEPLOYMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "model_name": st.sampled_from(["a", "b", "*", "openai/*"]),
            "litellm_params": st.fixed_dictionaries(
                {"model": st.sampled_from(["openai/a", "openai/*", "*", "nobody", "anthropic/b", "gemini/c"])},
                optional={"rpm": st.integers() | st.text(), "timeout": st.floats(0, 9), "order": st.integers(0, 3)},
            ),
        }
    ),
    min_size=1,
    max_size=3,
)


ARGUMENTS = {"routing_strategy": "latency-based-routing", "routing_strategy_args": {"ttl": ""}}


@example([{"model_name": "a", "litellm_params": {"model": "openai/a"}}], ARGUMENTS)
@given(DEPLOYMENTS, st.fixed_dictionaries({}, optional=SETTINGS))
@settings(max_examples=60, deadline=None)
def test_what_the_check_lets_through_is_a_router_or_one_error_with_its_key(deployments, router_settings):
    tree = {"model_list": deployments, "router_settings": router_settings, "general_settings": {"master_key": "sk-x"}}
    assert all(judge(("router_settings", *item[:1]), item[1])[0] == "honoured" for item in router_settings.items())
    try:
        assert isinstance(build_router(parse(Config.model_validate(tree), {})), litellm.Router)
    except SettingError as error:
        assert error.place[0] == "router_settings" and len(error.place) == 2


@pytest.mark.parametrize("name", ["parameters", "routing"])
def test_the_further_configurations_are_honoured_to_the_last_key_and_their_scenarios_can_be_read(name):
    _, found = examined(CONFIGS / name / "config.yaml", environment("http://127.0.0.1:1"), is_known)
    assert {finding.verdict for finding in found} == {"honoured"}
    assert len(read_all(CONFIGS / name / "scenarios")) > 10
