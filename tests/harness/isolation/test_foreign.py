from __future__ import annotations

import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from harness.isolation.config_tree import read_config
from harness.isolation.foreign import Finding, find_fetched, find_foreign, find_foreign_variables, find_foreign_words
from harness.site import Credentials, environment

ROOT = Path(__file__).parents[3]
ENVIRONMENT: dict[str, str] = tomllib.loads((ROOT / "harness.toml").read_text())["environment"]
SECRET = "sk-literal-key-of-the-user"
MODEL = "{model: openai/gpt-5, api_base: os.environ/OPENAI_API_BASE, api_key: os.environ/OPENAI_API_KEY}"
ONE = f"model_list:\n  - {{model_name: gpt-5, litellm_params: {MODEL}}}\n"

FURTHER = ("errors", "routing", "parameters", "routes")


def found_in(folder: Path, text: str, **further: str) -> list[Finding]:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return find_foreign(read_config(file), {**ENVIRONMENT, **further})


def deployment(params: str) -> str:
    return f"model_list:\n  - model_name: mine\n    litellm_params: {{{params}}}\n"


@pytest.mark.parametrize("file", ["config/config.yaml", *(f"tests/parity/{each}/config.yaml" for each in FURTHER)])
def test_the_configurations_of_the_project_are_the_harness_s_own(file: str) -> None:
    assert find_foreign(read_config(ROOT / file), ENVIRONMENT) == []
    assert find_foreign_variables(ENVIRONMENT, "harness.toml") == find_fetched(ENVIRONMENT, "harness.toml") == []


def test_a_variable_that_is_to_be_missing_is_in_no_environment() -> None:
    names = {"key": "sk-key"}
    given = environment({"A": "{key}", "B": "{unset}"}, Credentials(), names, "/home")
    assert (given["A"], "B" in given) == ("sk-key", False)


BASE, KEY = "api_base: os.environ/OPENAI_API_BASE", "api_key: os.environ/OPENAI_API_KEY"
AWS = "aws_access_key_id: os.environ/OPENAI_API_KEY"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (f"model: openai/x, api_base: 'http://127.0.0.1:9/v1', {KEY}", "api_base is written out"),
        (f"model: openai/x, base_url: 'http://127.0.0.1:9/v1', {KEY}", "base_url is written out"),
        (
            f"model: openai/x, api_base: os.environ/NOT_SET, {KEY}",
            "api_base is NOT_SET, which the harness does not set",
        ),
        (
            f"model: openai/x, api_base: os.environ/PYTHONHASHSEED, {KEY}",
            "PYTHONHASHSEED, which the harness does not rep",
        ),
        (f"model: openai/x, {BASE}, api_key: {SECRET}", "api_key is written out"),
        (f"model: openai/x, {BASE}, api_key: os.environ/OPENAI_API_BASE", "api_key is OPENAI_API_BASE"),
        (
            f"model: openai/x, {BASE}, {KEY}, extra_headers: {{authorization: Bearer {SECRET}}}",
            "authorization is written",
        ),
        (f"model: openai/x, {BASE}, {KEY}, extra_body: {{hook: 'https://elsewhere/'}}", "hook is an address"),
        (f"model: azure/x, {BASE}, {KEY}, azure_ad_token: oidc/google/x", "azure_ad_token is written out"),
        (
            f"model: azure/x, {BASE}, tenant_id: a, client_id: b, client_secret: os.environ/OPENAI_API_KEY",
            "exchanged at",
        ),
        (f"model: bedrock/x, {BASE}, {AWS}, aws_secret_access_key: x{SECRET}", "aws_secret_access_key is written out"),
        (f"model: bedrock/x, {BASE}, {AWS}", "it has no aws_secret_access_key"),
        (f"model: bedrock/x, {BASE}, {KEY}, aws_sts_endpoint: 'sts.example'", "aws_sts_endpoint is written out"),
        (f"model: bedrock/x, {BASE}, {KEY}, aws_role_name: arn", "exchanged at another server"),
        (
            "model: mistral/x, api_key: os.environ/OPENAI_API_KEY",
            "it has no api_base, so that LiteLLM asks the provider's",
        ),
        (
            f"model: vertex_ai/gemini-2.5-pro, {BASE}, {KEY}",
            "may ask other servers than api_base for the provider 'vert",
        ),
        (f"model: gemini-2.5-pro, {BASE}, {KEY}", "for the provider 'unknown'"),
        (f"model: gpt-5, custom_llm_provider: bytez, {BASE}, {KEY}", "for the provider 'bytez'"),
        (f"model: os.environ/MODEL, {BASE}, {KEY}", "for the provider 'unknown'"),
        (f"model: 'openai/https://elsewhere/v1', {BASE}, {KEY}", "the model is an address"),
        (f"model: '*', {BASE}, {KEY}", "a client's model chooses the provider"),
        (f"model: openai/x, {BASE}, {KEY}, fallbacks: [openai/gpt-4o]", "past the model list"),
        (f"model: openai/x, {BASE}, {KEY}, configurable_clientside_auth_params: [api_base]", "a client may choose"),
        (f"model: openai/x, litellm_credential_name: nobody, {KEY}, api_base: null", ""),
    ],
)
def test_a_deployment_that_is_not_the_harness_s_own_is_refused(tmp_path: Path, params: str, reason: str) -> None:
    found = found_in(tmp_path, deployment(params))
    if not reason:  # OPENAI_API_BASE stands for the address that is off
        assert found == []
        return
    (one,) = [each for each in found if reason in each.reason]
    assert (one.line, one.what.partition(": api")[0].partition(": aws")[0]) != (0, "")
    assert one.line == 3
    assert "model_list: 'mine', deployment 1" in one.what
    assert one.step
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    "params",
    [
        "model: openai/x, api_key: os.environ/OPENAI_API_KEY",  # OPENAI_API_BASE is the harness's own
        "model: anthropic/x",
        "model: gemini/x",
        "model: gpt-5",
        f"model: openai/*, {BASE}, {KEY}",
        f"model: mistral/x, {BASE}, {KEY}, organization: org-1, extra_headers: {{HTTP-Referer: 'https://us'}}",
        f"model: openai/x, {BASE}, {KEY}, prompt_cache_key: mine, api_version: '2024', timeout: 3",
        f"model: bedrock/x, {BASE}, {AWS}, aws_secret_access_key: os.environ/OPENAI_API_KEY, aws_region_name: eu",
    ],
)
def test_a_deployment_of_the_harness_s_own_is_let_through(tmp_path: Path, params: str) -> None:
    assert found_in(tmp_path, deployment(params)) == []


def test_without_the_variable_that_litellm_reads_there_is_no_default_address(tmp_path: Path) -> None:
    text = deployment("model: anthropic/x, api_key: os.environ/ANTHROPIC_API_KEY")
    assert [each.reason for each in found_in(tmp_path, text, ANTHROPIC_API_BASE="")] == [
        "it has no api_base, so that LiteLLM asks the provider's own address"
    ]
    assert len(found_in(tmp_path, text, ANTHROPIC_BASE_URL="https://elsewhere")) == 1


@pytest.mark.parametrize(
    ("settings", "line", "what"),
    [
        ("router_settings:\n  fallbacks: [{gpt-5: [openai/gpt-4o]}]", 4, "router_settings.fallbacks.gpt-5"),
        ("router_settings:\n  context_window_fallbacks: [{gpt-5: [{model: other}]}]", 4, "router_settings.context_wi"),
        ("litellm_settings:\n  content_policy_fallbacks: [{gpt-5: [other]}]", 4, "litellm_settings.content_policy"),
        ("litellm_settings:\n  default_fallbacks: [other]", 4, "litellm_settings.default_fallbacks"),
        ("router_settings:\n  model_group_alias: {a: {model: other, hidden: true}}", 4, "router_settings.model_group"),
        ("litellm_settings:\n  model_alias_map: {a: openai/gpt-4o}", 4, "litellm_settings.model_alias_map.a"),
        ("general_settings:\n  completion_model: other", 4, "general_settings.completion_model"),
        ("router_settings:\n  default_litellm_params: {api_base: 'http://elsewhere'}", 4, "router_settings.default_li"),
        ("router_settings:\n  fallbacks: [{gpt-5: [{model: gpt-5, api_base: 'http://x'}]}]", 4, "router_settings.fal"),
        ("litellm_settings:\n  success_callback: [prometheus, langfuse]", 4, "litellm_settings.success_callback"),
        ("litellm_settings:\n  failure_callback: [sentry]", 4, "litellm_settings.failure_callback"),
        ("litellm_settings:\n  callbacks: my_module.handler", 4, "litellm_settings.callbacks"),
        ("litellm_settings:\n  service_callback: [datadog]", 4, "litellm_settings.service_callback"),
        ("litellm_settings:\n  s3_callback_params: {s3_bucket_name: b}", 4, "litellm_settings.s3_callback_params"),
        ("litellm_settings:\n  cache: true", 4, "litellm_settings.cache"),
        ("litellm_settings:\n  cache: true\n  cache_params: {type: s3, s3_region: b}", 5, "litellm_settings.cache_"),
        ("litellm_settings:\n  cache: true\n  cache_params: {ttl: 3}", 5, "litellm_settings.cache_params"),
        ("litellm_settings:\n  guardrails: [{a: {callbacks: [x]}}]", 4, "litellm_settings.guardrails"),
        ("litellm_settings:\n  api_base: http://elsewhere", 4, "litellm_settings.api_base"),
        ("litellm_settings:\n  openai_key: literal", 4, "litellm_settings.openai_key"),
        ("litellm_settings:\n  unheard_of: wss://elsewhere", 4, "litellm_settings.unheard_of"),
        ("router_settings:\n  redis_host: 10.0.0.1", 4, "router_settings.redis_host"),
        ("general_settings:\n  master_key: sk-1234", 4, "general_settings.master_key"),
        ("general_settings:\n  database_url: os.environ/LITELLM_MASTER_KEY", 4, "general_settings.database_url"),
        ("general_settings:\n  alerting: [slack]", 4, "general_settings.alerting"),
        ("general_settings:\n  alert_to_webhook_url: {budget_alerts: [x]}", 4, "general_settings.alert_to_webhook_url"),
        ("general_settings:\n  pass_through_endpoints: [{path: /a, target: 'http://b'}]", 4, "general_settings.pass_t"),
        ("general_settings:\n  custom_auth: mine.auth", 4, "general_settings.custom_auth"),
        ("general_settings:\n  key_management_system: aws_secret_manager", 4, "general_settings.key_management_system"),
        ("general_settings:\n  enable_jwt_auth: true", 4, "general_settings.enable_jwt_auth"),
        ("general_settings:\n  allow_client_side_credentials: true", 4, "general_settings.allow_client_side"),
        ("guardrails:\n  - {guardrail_name: a}", 3, "guardrails"),
        ("mcp_servers:\n  a: {url: 'http://b'}", 3, "mcp_servers"),
        ("search_tools:\n  - {search_tool_name: a}", 3, "search_tools"),
        ("vector_store_registry:\n  - {a: b}", 3, "vector_store_registry"),
        ("callback_settings:\n  otel: {message_logging: false}", 3, "callback_settings"),
        ("environment_variables:\n  OPENAI_API_BASE: https://api.openai.com/v1", 4, "environment_variables.OPENAI"),
        ("environment_variables:\n  LITELLM_LOCAL_MODEL_COST_MAP: 'False'", 4, "environment_variables.LITELLM_LOCAL"),
        ("environment_variables:\n  SLACK_WEBHOOK_URL: os.environ/NOT_SET_2", 0, ""),
        ("environment_variables:\n  LANGFUSE_HOST: langfuse.example", 4, "environment_variables.LANGFUSE_HOST"),
        ("environment_variables:\n  HTTPS_PROXY: elsewhere:3128", 4, "environment_variables.HTTPS_PROXY"),
        ("credential_list:\n  - credential_name: c\n    credential_values: {api_key: literal}", 5, "credential 'c'"),
    ],
)  # fmt: skip
def test_a_setting_that_reaches_out_is_refused_at_its_line(tmp_path: Path, settings: str, line: int, what: str) -> None:
    found = found_in(tmp_path, f"{ONE}{settings}\n")
    if not what:  # LiteLLM leaves a variable that is not set as it is
        assert found == []
        return
    assert [(each.line, each.what) for each in found if each.line == line and each.what.startswith(what)], found
    assert all(each.step and each.file == tmp_path / "config.yaml" for each in found)


@pytest.mark.parametrize(
    "settings",
    [
        "litellm_settings: {cache: true, cache_params: {type: local}}",
        "litellm_settings: {cache: false, cache_params: {type: redis, host: os.environ/OPENAI_API_BASE}}",
        "litellm_settings: {success_callback: [prometheus], callbacks: [], failure_callback: null}",
        "router_settings: {fallbacks: [{gpt-5: [gpt-5]}], model_group_alias: {a: gpt-5}, default_fallbacks: [a]}",
        "general_settings: {alerting: [], store_model_in_db: false, user_url_allowed_hosts: [example.com]}",
        "environment_variables: {SOME_LIMIT: 12, OTHER_API_BASE: os.environ/OPENAI_API_BASE}",
        "user_id_mappings: {header_patterns: [{header: x-api-key, pattern: 'https://.*', user_id: a}]}",
        "general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}",
    ],
)
def test_what_stays_in_the_process_is_let_through(tmp_path: Path, settings: str) -> None:
    assert found_in(tmp_path, f"{ONE}{settings}\n") == []


def test_a_wildcard_of_the_model_list_has_the_models_that_it_matches(tmp_path: Path) -> None:
    wild = f"  - {{model_name: openai/*, litellm_params: {MODEL.replace('gpt-5', '*')}}}\n"
    fallbacks = "router_settings: {fallbacks: [{gpt-5: [openai/gpt-4o]}]}\n"
    assert found_in(tmp_path, f"{ONE}{wild}{fallbacks}") == []


def test_a_deployment_may_have_all_from_a_credential_and_what_the_configuration_exports(tmp_path: Path) -> None:
    text = """\
        model_list:
          - {model_name: a, litellm_params: {model: mistral/x, litellm_credential_name: c, api_key: os.environ/MINE}}
        environment_variables: {MINE: os.environ/OPENAI_API_KEY}
        credential_list:
          - {credential_name: c, credential_values: {api_base: os.environ/OPENAI_API_BASE}}
        """
    assert found_in(tmp_path, dedent(text)) == []


def test_all_is_told_at_once_also_what_an_included_file_says(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(deployment("model: openai/x, api_base: 'http://a', api_key: literal"))
    text = f"include: [more.yaml]\n{ONE}general_settings: {{alerting: [slack], database_url: 'postgresql://a'}}\n"
    found = found_in(tmp_path, text)
    assert [(each.file.name, each.line) for each in found] == [
        ("config.yaml", 4),
        ("config.yaml", 4),
        ("more.yaml", 3),
        ("more.yaml", 3),
    ]
    assert "deployment 2" in found[2].what


@pytest.mark.parametrize(
    ("name", "template", "is_own"),
    [
        ("A_BASE", "{upstream}/a", True),
        ("A_BASE", "{upstream_by_name}", True),
        ("A_BASE", "{upstream}.example/a", False),
        ("A_BASE", "{upstream}@example/a", False),
        ("A_BASE", "https://api.example", False),
        ("REDIS_HOST", "10.0.0.1", False),
        ("ANY", "postgresql://a", False),
        ("HTTPS_PROXY", "proxy:3128", False),
        ("A_KEY", "{secret}", True),
        ("A_BASE", "{secret}", True),  # no address; where one is expected, the configuration is refused
        ("A_KEY", SECRET, False),
        ("A_LIMIT", "3", True),
    ],
)
def test_the_environment_of_the_settings_is_looked_at_too(name: str, template: str, is_own: bool) -> None:
    told = find_foreign_variables({name: template}, "harness.toml")
    assert (not told) is is_own
    assert all(f"harness.toml: environment/{name}: " in each and SECRET not in each for each in told)


@pytest.mark.parametrize(
    ("word", "is_own"),
    [
        ("http://127.0.0.1:{litellm_port}", True),
        ("--upstream={upstream}/openai", True),
        ("{upstream}/v3/https://api.anthropic.com", True),
        ("https://api.openai.com/{port}", False),
        ("--upstream=http://127.0.0.1:4000", False),
        ("--port", True),
    ],
)
def test_a_command_names_no_address_but_one_that_the_harness_fills_in(word: str, is_own: bool) -> None:
    assert (not find_foreign_words(["program", word], "here")) is is_own
