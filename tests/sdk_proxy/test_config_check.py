import re
from pathlib import Path
from typing import Any

import litellm
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from litellm.constants import ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG
from litellm.proxy._types import ConfigGeneralSettings, ConfigYAML
from litellm.proxy.auth.master_key_boot_check import PUBLICLY_KNOWN_MASTER_KEY_SHA256_DIGESTS
from litellm.types.router import _WIF_POINTER_FIELDS, RoutingStrategy
from pydantic import TypeAdapter

from sdk_proxy import schema
from sdk_proxy.config_check import Finding, Rule, examined, judge, rules
from sdk_proxy.config_file import ConfigError
from sdk_proxy.config_parser import ProxyConfig, parse

PROXY = Path(litellm.__file__).parent / "proxy"
SERVER = (PROXY / "proxy_server.py").read_text(encoding="utf-8")
LOADING = SERVER[SERVER.index("async def load_config(") : SERVER.index("def _load_alerting_settings")]
OWN = Path(__file__).parents[2] / "config" / "config.yaml"
SMALLEST: dict[str, Any] = {
    "model_list": [{"model_name": "a", "litellm_params": {"model": "openai/a", "api_key": "k"}}],
    "general_settings": {"master_key": "sk-of-this-test"},
}
CATCH_ALL = [rule for rule in rules() if rule.why.startswith("unknown")]
SAMPLES = {"number": 1, "integer": 1, "boolean": True, "text": "x", "list": [], "mapping": {}}


class Anything(dict[str, str]):
    """An environment in which each variable is set."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"value-of-{name}"


def found(folder: Path, **sections: Any) -> dict[str, Finding]:
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({**SMALLEST, **sections}, sort_keys=False), encoding="utf-8")
    return {finding.key: finding for finding in examined(file, Anything())[1]}


def deciding(*place: str) -> Rule:
    return next(rule for rule in rules() if rule.matches(place))


# --- the table is whole


def test_a_section_that_litellm_reads_has_a_rule_of_its_own():
    read = {*re.findall(r'\bconfig\.get\("(\w+)"', LOADING), *ConfigYAML.model_fields, "include"}
    assert len(read) > 20
    assert [name for name in sorted(read) if deciding(name) in CATCH_ALL] == []


def test_a_general_setting_that_litellm_reads_has_a_rule_of_its_own():
    sources = [file.read_text(encoding="utf-8") for file in PROXY.rglob("*.py")]
    read = {name for text in sources for name in re.findall(r'\bgeneral_settings\.get\(\s*"(\w+)"', text)}
    assert len(read) > 100
    missing = {name for name in {*read, *ConfigGeneralSettings.model_fields} if _is_unknown("general_settings", name)}
    assert sorted(missing) == []


def test_a_litellm_setting_that_litellm_reads_in_a_branch_of_its_own_is_known():
    branches = set(re.findall(r'\bkey == "(\w+)"', LOADING))
    without = {name for name in branches if not any(rule.matches(("litellm_settings", name)) for rule in rules())}
    assert sorted(without) == ["drop_params"]


def _is_unknown(*place: str) -> bool:
    return deciding(*place) in CATCH_ALL


def test_a_type_of_the_table_is_what_the_router_takes():
    types = litellm.Router.__init__.__annotations__
    typed = [(key, rule) for rule in rules() for key in rule.keys if rule.type and key.startswith("router_settings.")]
    assert len(typed) > 25
    for key, rule in typed:
        TypeAdapter(types[key.partition(".")[2]]).validate_python(SAMPLES[rule.type])


def test_the_routing_strategies_are_litellms():
    rule = next(rule for rule in rules() if rule.choices)
    assert {*rule.choices, "provider-budget-routing"} >= {strategy.value for strategy in RoutingStrategy}


def test_what_the_proxy_sets_by_itself_is_not_honoured():
    for name in ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG:
        assert judge(("router_settings", name), [1])[0] == "ignored"


def test_a_variable_that_litellm_exports_out_of_no_file_is_not_exported_here_either():
    blocked = SERVER[SERVER.index("_BLOCKED_ENV_KEYS: set[str] = {") :].partition("}")[0]
    for name in [*re.findall(r'"(\w+)"', blocked), "LITELLM_ENABLE_MCP_STDIO"]:
        assert judge(("environment_variables", name), "x")[0] == "ignored"


def test_what_the_schema_knows_of_litellm_is_still_so():
    assert schema.POINTERS == _WIF_POINTER_FIELDS
    assert schema.PUBLIC_KEYS == PUBLICLY_KNOWN_MASTER_KEY_SHA256_DIGESTS


# --- what it says


def test_a_key_that_is_refused_is_told_with_its_file_its_line_and_what_to_do(tmp_path):
    finding = found(tmp_path, general_settings={"master_key": "k", "database_url": "postgres://"})[
        "general_settings.database_url"
    ]
    assert finding.verdict == "refused"
    assert str(finding).startswith(f"{tmp_path / 'config.yaml'}:8: general_settings.database_url: there is no database")
    assert "take it out" in finding.why


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("general_settings", {"store_model_in_db": True, "alerting": ["slack"], "ui_access_mode": "all",
                              "custom_auth": "a.b", "pass_through_endpoints": [{}], "max_parallel_requests": 3}),
        ("litellm_settings", {"callbacks": ["x"], "success_callback": ["x"], "cache": True, "max_budget": 3,
                              "guardrails": [{}], "default_team_settings": [{}], "custom_provider_map": [{}]}),
        ("router_settings", {"provider_budget_config": {"a": 1}, "cache_responses": True, "health_check_interval": 3}),
    ],
)  # fmt: skip
def test_what_needs_a_database_or_is_not_run_is_refused(section, settings):
    assert {name for name, value in settings.items() if judge((section, name), value)[0] != "refused"} == set()


def test_whole_sections_are_refused(tmp_path):
    sections = {name: {"a": 1} for name in ("guardrails", "mcp_servers", "vector_store_registry", "prompts")}
    assert {key: finding.verdict for key, finding in found(tmp_path, **sections).items() if key in sections} == (
        dict.fromkeys(sections, "refused")
    )


@pytest.mark.parametrize("off", [None, False, [], {}, ""])
def test_what_would_be_refused_can_stay_where_it_is_off(off):
    assert judge(("general_settings", "store_model_in_db"), off) == ("ignored", "off, as it is here without it")


def test_what_nobody_knows_is_ignored_as_litellm_ignores_it(tmp_path):
    all_ = found(tmp_path, nonsense={"a": 1}, general_settings={"master_key": "k", "nonsense": 1})
    for key in ("nonsense", "general_settings.nonsense"):
        assert (all_[key].verdict, all_[key].why) == ("ignored", "unknown: LiteLLM ignores it too")
    assert (all_["nonsense.a"].verdict, all_["nonsense.a"].why) == ("ignored", "")


def test_a_key_in_a_setting_is_what_the_setting_is(tmp_path):
    all_ = found(tmp_path, router_settings={"model_group_alias": {"general_settings.database_url": "a", "budget": "a"}})
    assert {finding.verdict for finding in all_.values()} == {"honoured"}


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (("router_settings", "num_retries"), "3", "is a text; LiteLLM takes: integer"),
        (("router_settings", "num_retries"), True, "is a boolean; LiteLLM takes: integer"),
        (("router_settings", "timeout"), [3], "is a list; LiteLLM takes: number"),
        (("router_settings", "timeout"), float("nan"), "is not a number (NaN)"),
        (("router_settings", "fallbacks"), {"a": "b"}, "is a mapping; LiteLLM takes: list"),
        (("general_settings", "forward_client_headers_to_llm_api"), 1, "is a integer; LiteLLM takes: boolean"),
        (("model_list", 0, "litellm_params", "temperature"), float("nan"), "is not a number (NaN)"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_and_not_shown(place, value, why):
    assert judge(place, value) == ("refused", why)


def test_a_reference_counts_as_what_it_stands_for(tmp_path):
    file = tmp_path / "config.yaml"
    sections = {
        "litellm_settings": {"modify_params": "os.environ/FLAG"},
        "router_settings": {"timeout": "os.environ/T"},
    }
    file.write_text(yaml.safe_dump({**SMALLEST, **sections}))
    verdicts = {finding.key: finding.verdict for finding in examined(file, {"FLAG": "True", "T": "30"})[1]}
    assert (verdicts["litellm_settings.modify_params"], verdicts["router_settings.timeout"]) == ("honoured", "refused")


def test_our_own_configuration_is_honoured_to_the_last_key():
    assert {finding.verdict for finding in examined(OWN, Anything())[1]} == {"honoured"}


# --- whatever the file holds

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("os.environ/A") | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    sorted({part for rule in rules() for key in rule.keys for part in key.split(".") if part != "*"})
)
SETTINGS = st.dictionaries(NAMES | st.text(), VALUES, max_size=4)
DEPLOYMENTS = st.fixed_dictionaries(
    {"model_name": st.text(min_size=1), "litellm_params": SETTINGS.map(lambda more: {**more, "model": "openai/a"})},
    optional={"model_info": SETTINGS},
)
SECTIONS = sorted({*ConfigYAML.model_fields, "user_id_mappings", "include", "nonsense"} - {"model_list"})
CONFIGS = st.fixed_dictionaries(
    {"model_list": st.lists(DEPLOYMENTS | VALUES, max_size=3)},
    optional=dict.fromkeys(SECTIONS, SETTINGS | VALUES),
)


def a_config_or_an_error(file: Path) -> tuple[ProxyConfig, list[Finding]] | None:
    environ = {"A": "b", "LITELLM_MASTER_KEY": "sk-of-this-test"}
    try:
        config, all_ = examined(file, environ)
        return parse(config, environ), all_
    except ConfigError as error:
        assert error.file == file and str(file) in str(error)
        return None


@given(CONFIGS)
@example({"model_list": [], "include": [""]})
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_tree_is_a_config_or_an_error_that_names_the_file(tmp_path_factory, tree):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8", errors="replace")
    a_config_or_an_error(file)


@given(st.data())
@settings(deadline=None)
def test_our_own_configuration_with_any_edit_is_a_config_or_an_error(tmp_path_factory, data):
    text = OWN.read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    inserted = data.draw(
        st.text(max_size=5) | st.sampled_from(["\t", "\n", "&a ", "*a", "*anthropic", "{", "- ", ": ", "<<: "])
    )
    file = tmp_path_factory.getbasetemp() / "edited.yaml"
    file.write_text(text[:start] + inserted + text[end:], encoding="utf-8", errors="replace")
    try:
        examined(file, Anything())
    except ConfigError as error:
        assert error.file == file
