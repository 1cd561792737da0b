import json

import pytest

from harness.isolation.config_tree import read_config
from harness.isolation.foreign import find_foreign, find_foreign_variables
from harness.model import Request
from harness.trials.fast_path.deployments import (
    COOLING,
    STALE_SECONDS,
    TokenIssuer,
    environment,
    has_cooldown,
    models,
    name_of,
    to_yaml,
    upstream_names,
)


def test_every_worker_has_deployments_of_its_own():
    names = [each["model_name"] for each in json.loads(to_yaml(3))["model_list"]]
    assert len(names) == len(set(names))
    for worker in range(3):
        for model in models():
            assert name_of(model.name, worker, COOLING - 1) in names


def test_the_environment_has_what_the_configuration_reads():
    given = environment(2)
    places = upstream_names(["http://127.0.0.1:1", "http://127.0.0.1:2"])
    read = {
        value.partition("/")[2]
        for each in json.loads(to_yaml(2))["model_list"]
        for value in each["litellm_params"].values()
        if str(value).startswith("os.environ/")
    }
    assert read <= set(given)
    addresses = {given[name].format_map(places).rpartition(":")[2][0] for name in read if not name.endswith("_KEY")}
    assert addresses == {"1", "2"}


def test_the_configuration_reaches_nothing_but_the_harness(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(2), encoding="utf-8")
    own = environment(2) | {"LITELLM_MASTER_KEY": "{key}"}
    assert find_foreign(read_config(file), own) == []
    assert find_foreign_variables(own, "the settings") == []


@pytest.mark.parametrize(("model", "cools"), [("fuzz-cooling-gpt", True), ("fuzz-gpt", False)])
def test_it_is_known_which_model_is_cooled_down(model, cools):
    assert has_cooldown(json.dumps({"model": model}).encode()) is cools


def test_a_token_is_refused_once_it_has_expired():
    now = [0.0]
    issuer = TokenIssuer(lambda: now[0])
    issued = issuer.reply(Request("POST", "/anthropic/v1/oauth/token"))
    headers = (("authorization", f"Bearer {json.loads(issued.body)['access_token']}"),)
    call = Request("POST", "/anthropic/v1/messages", headers)
    assert issuer.reply(call) is None
    now[0] = STALE_SECONDS
    assert issuer.reply(call).status == 401


def test_a_call_with_another_credential_is_not_judged():
    assert TokenIssuer().reply(Request("POST", "/v1/messages", (("authorization", "Bearer sk"),))) is None
