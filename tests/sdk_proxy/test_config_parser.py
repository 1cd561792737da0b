from typing import Any

from sdk_proxy.config_parser import ProxyConfig, parse
from sdk_proxy.schema import Config

MEMORY = "https://api.supermemory.test/v3/https://api.anthropic.com"


def config(environ: dict[str, str] | None = None, **sections: Any) -> ProxyConfig:
    deployments = [
        {"model_name": "plain", "litellm_params": {"model": "openai/gpt-5", "api_key": "secret", "rpm": 3}},
        {"model_name": "memory", "litellm_params": {"model": "anthropic/claude", "api_base": MEMORY}},
    ]
    general = {"master_key": "sk-master"}
    tree = {"model_list": deployments, "general_settings": general, **sections}
    return parse(Config.model_validate(tree), environ or {})


def test_deployments_are_as_they_stand_in_the_file() -> None:
    first, second = config().deployments
    assert first == {
        "model_name": "plain",
        "litellm_params": {"model": "openai/gpt-5", "api_key": "secret", "rpm": 3},
    }
    assert second["litellm_params"] == {"model": "anthropic/claude", "api_base": MEMORY}


def test_no_secret_is_shown() -> None:
    shown = repr(config({"SUPERMEMORY_API_KEY": "sm-secret"}))
    assert "secret" not in shown and "sk-master" not in shown


def test_supermemory_deployments_are_known_by_their_address() -> None:
    assert config().supermemory_bases == {"memory": MEMORY}


def test_the_supermemory_key_comes_from_the_environment() -> None:
    assert config().supermemory_key is None
    assert config({"SUPERMEMORY_API_KEY": ""}).supermemory_key is None
    key = config({"SUPERMEMORY_API_KEY": "sm"}).supermemory_key
    assert key is not None and key.get_secret_value() == "sm"


def test_environment_variables_are_texts() -> None:
    assert config(environment_variables={"A": 1}).environment == {"A": "1"}


def test_credentials_that_are_no_list_are_left_for_the_reader_of_one_to_refuse() -> None:
    assert config(credential_list=5).credentials == (5,)
    assert config(credential_list=None).credentials == ()
