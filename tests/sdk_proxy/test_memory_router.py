from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from sdk_proxy.memory_router import MemoryRouter, Routing, injected, is_supermemory, supermemory_models
from sdk_proxy.schema import Config, HeaderPattern, UserIdMappings, load_config

SUPERMEMORY = "https://api.supermemory.ai/v3/https://api.anthropic.com"
ROUTER = MemoryRouter(
    UserIdMappings(
        header_patterns=(
            HeaderPattern(header="User-Agent", pattern="^claude-cli/", user_id="claude-code"),
            HeaderPattern(header="User-Agent", pattern="java", user_id="pycharm"),
            HeaderPattern(header="X-Team", pattern="java|red", user_id="team"),
        ),
        default_user_id="nobody",
    )
)
DEFAULT = Routing("nobody", None, custom_header_present=False, is_default=True)


def user(**headers: str) -> str:
    return ROUTER.route({name.replace("_", "-"): value for name, value in headers.items()}).user_id


def test_a_request_that_says_nothing_is_the_default_users():
    assert ROUTER.route({}) == DEFAULT


def test_the_first_pattern_that_is_found_decides():
    assert user(user_agent="claude-cli/2.1.330 (java)") == "claude-code"
    assert user(user_agent="OpenAIClientAsyncImpl/Java 4.0.0", x_team="red") == "pycharm"
    assert user(user_agent="curl/8", x_team="red") == "team"


def test_a_pattern_is_found_anywhere_and_in_any_case():
    assert user(user_agent="a JaVa client") == "pycharm"
    assert user(user_agent="not claude-cli/") == "nobody"


def test_the_custom_header_wins_over_every_pattern():
    routing = ROUTER.route({"x-memory-user-id": "alice", "user-agent": "claude-cli/2"})
    assert routing == Routing("alice", None, custom_header_present=True, is_default=False)


def test_an_empty_custom_header_says_nothing_but_is_seen():
    routing = ROUTER.route({"x-memory-user-id": "  ", "user-agent": "claude-cli/2"})
    assert (routing.user_id, routing.custom_header_present, routing.is_default) == ("claude-code", True, False)


def test_the_custom_header_can_have_another_name():
    router = MemoryRouter(UserIdMappings(custom_header="X-Who"))
    assert router.route({"x-who": "bob", "x-memory-user-id": "alice"}).user_id == "bob"


def test_header_names_are_found_in_any_case_on_the_wire():
    assert ROUTER.route(Headers({"X-Memory-User-ID": "alice"})).user_id == "alice"


def test_a_custom_header_cannot_end_its_own_header():
    assert user(x_memory_user_id="alice\r\nx-api-key: stolen") == "alice%0D%0Ax-api-key: stolen"


def test_two_users_whose_names_are_not_ascii_stay_two():
    assert user(x_memory_user_id="Jörg") != user(x_memory_user_id="Järg") != "nobody"


def test_a_custom_header_has_a_bounded_length():
    assert len(user(x_memory_user_id="é" * 10_000)) == 256


@given(st.dictionaries(st.sampled_from(("x-memory-user-id", "user-agent", "x-team", "x-sm-user-id")), st.text()))
def test_any_headers_have_a_user_who_fits_into_a_header(headers):
    routing = ROUTER.route(headers)
    assert 0 < len(routing.user_id) <= 256
    assert routing.user_id.isascii() and routing.user_id.isprintable() and routing.user_id == routing.user_id.strip()
    assert routing.is_default == (routing.matched is None and not headers.get("x-memory-user-id", "").strip())


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=200))
def test_visible_ascii_comes_as_it_was_sent(value):
    assert user(x_memory_user_id=value) == (value.strip() or "nobody")


# --- /memory-routing/info


def test_the_info_tells_the_pattern_and_what_it_was_found_in():
    assert ROUTER.route({"user-agent": "claude-cli/2.1"}).info() == {
        "user_id": "claude-code",
        "matched_pattern": {
            "header": "User-Agent",
            "value": "claude-cli/2.1",
            "pattern": "^claude-cli/",
            "user_id": "claude-code",
        },
        "custom_header_present": False,
        "is_default": False,
    }


def test_the_info_of_a_default_has_no_pattern():
    assert ROUTER.route({}).info() == {
        "user_id": "nobody",
        "matched_pattern": None,
        "custom_header_present": False,
        "is_default": True,
    }


# --- what is injected


def test_every_provider_is_told_the_user():
    assert injected(DEFAULT, "https://api.anthropic.com", "sm-key") == {"x-sm-user-id": "nobody"}


def test_only_supermemory_gets_its_key():
    assert injected(DEFAULT, SUPERMEMORY, "sm-key") == {"x-sm-user-id": "nobody", "x-supermemory-api-key": "sm-key"}


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_none_is_injected(key):
    assert injected(DEFAULT, SUPERMEMORY, key) == {"x-sm-user-id": "nobody"}


@pytest.mark.parametrize(
    ("base", "expected"), [(SUPERMEMORY, True), (SUPERMEMORY.upper(), True), ("https://x", False), (None, False)]
)
def test_the_operators_address_says_what_is_supermemory(base, expected):
    assert is_supermemory(base) is expected


def test_a_name_that_another_provider_shares_does_not_get_supermemorys_key():
    names = (("mixed", SUPERMEMORY), ("mixed", "https://api.anthropic.com"), ("memory", SUPERMEMORY), ("plain", None))
    deployments = [{"model_name": n, "litellm_params": {"model": "anthropic/x", "api_base": b}} for n, b in names]
    assert supermemory_models(Config.model_validate({"model_list": deployments})) == {"memory"}


# --- our own configuration


class _Any(dict[str, str]):
    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return f"value-of-{key}"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("claude-cli/2.1.330 (external, cli)", "claude-code"),
        ("claude-cli/2.1.197 (external, sdk-cli)", "claude-code"),
        ("OpenAIClientImpl/Java 4.0.0", "pycharm-ai-assistant"),
        ("OpenAIClientAsyncImpl/Java 4.0.0", "pycharm-ai-assistant"),
        ("OpenAI/JS 6.49.0", "vscode-extension"),
        ("Anthropic/Python 2.12.0", "python-script"),
        ("AsyncOpenAI/Python 2.54.0", "python-script"),
        ("Bun/1.4.0", "default-user"),
    ],
)
def test_our_own_configuration_knows_the_real_clients(agent, expected):
    config = load_config(Path(__file__).parents[2] / "config" / "config.yaml", _Any())
    assert MemoryRouter(config.user_id_mappings).route({"user-agent": agent}).user_id == expected
