from __future__ import annotations

from harness.model import Chunk, Exchange, Failure, Request, Response
from harness.shadow_world import moved, world

ASKED = {
    "LITELLM_MASTER_KEY": "{key}",
    "OPENAI_API_KEY": "{secret}",
    "OPENAI_API_BASE": "{upstream_by_name}/openai/v1",
    "ANTHROPIC_API_BASE": "{upstream}/anthropic",
    "PYTHONHASHSEED": "0",
}
PRODUCTION = {
    "LITELLM_MASTER_KEY": "sk-master",
    "OPENAI_API_KEY": "sk-of-openai",
    "OPENAI_API_BASE": "https://api.openai.com/v1",
    "ANTHROPIC_API_BASE": "https://api.anthropic.com/",
    "OTHER_KEY": "sk-of-another",
    "OTHER_BASE": "https://other.example/{odd}/v1",
    "NOT_ASKED_FOR": "sk-of-nobody",
}
CONFIG = "api_key: os.environ/OTHER_KEY\napi_base: os.environ/OTHER_BASE\n"
BASES = {"https://api.openai.com/v1": "http://localhost:1/v1", "https://api.anthropic.com": "http://127.0.0.1:1"}


def test_a_provider_is_asked_by_the_path_of_production_at_an_address_of_the_shadows():
    environment = world(ASKED, CONFIG, PRODUCTION).environment
    assert environment["OPENAI_API_BASE"] == "{upstream_by_name}/v1"
    assert environment["ANTHROPIC_API_BASE"] == "{upstream}"
    assert environment["OTHER_BASE"].format(upstream="http://here") == "http://here/{odd}/v1"


def test_no_key_of_production_gets_there_and_each_has_a_name():
    found = world(ASKED, CONFIG, PRODUCTION)
    assert {found.environment[name] for name in ("OPENAI_API_KEY", "OTHER_KEY")} == {"{secret}"}
    names = {"sk-master": "<key>", "sk-of-openai": "<OPENAI_API_KEY>", "sk-of-another": "<OTHER_KEY>"}
    assert found.secrets == names
    assert "sk-" not in str(found.environment)


def test_what_production_does_not_say_is_as_harness_toml_has_it():
    assert dict(world(ASKED, "", {}).environment) == ASKED


def test_addresses_of_production_are_the_shadows():
    headers = (("host", "api.openai.com"), ("x-litellm-model-api-base", "https://api.openai.com/v1/chat"))
    call = moved(Exchange(Request("POST", "/v1", headers), Response(200, headers, (Chunk(0, b"x"),))), BASES)
    shown = (("host", "localhost:1"), ("x-litellm-model-api-base", "http://localhost:1/v1/chat"))
    assert (call.request.headers, isinstance(call.outcome, Response) and call.outcome.headers) == (shown, shown)
    left = moved(Exchange(Request("POST", "/v1", headers), Failure("cut", "no response")), BASES)
    assert left.request.headers == shown


def test_an_address_within_another_stays():
    value = "https://memory.example/v3/https://api.anthropic.com"
    call = moved(Exchange(Request("GET", "/", (("x-base", value),)), Failure("cut", "")), BASES)
    assert call.request.headers == (("x-base", value),)
