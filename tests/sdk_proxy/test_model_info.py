import json

import litellm
import pytest
from fastapi import HTTPException

from sdk_proxy.model_info import info

KEY = "sk-ant-canary"


def deployment(name, model, more=None, **params):
    return {"model_name": name, "litellm_params": {"model": model, **params}, "model_info": more or {}}


@pytest.fixture
def router():
    claude = deployment("claude", "anthropic/claude-sonnet-5", {"id": "one", "max_tokens": 7}, api_key=KEY)
    priced = deployment("dear", "openai/nobody-knows-it", {"id": "two"}, input_cost_per_token=0.5)
    return litellm.Router(model_list=[claude, priced], model_group_alias={"best": "claude"})


def rows(router, deployment_id=None):
    return json.loads(info(router, deployment_id, of_teams=False))["data"]


def test_each_deployment_and_alias_is_told_without_its_key(router):
    assert [row["model_name"] for row in rows(router)] == ["claude", "dear", "best"]
    assert KEY.encode() not in info(router, None, of_teams=False)


def test_what_is_configured_goes_before_what_litellm_knows(router):
    told = rows(router)[0]["model_info"]
    assert told["max_tokens"] == 7
    assert told["litellm_provider"] == "anthropic"


def test_of_a_model_that_litellm_does_not_know_the_price_of_its_own_is_told(router):
    (row,) = rows(router, "two")
    assert row["model_info"]["input_cost_per_token"] == 0.5
    assert row["model_info"]["pricing_overrides"] == ["input_cost_per_token"]


def test_a_wildcard_is_told_as_the_models_that_it_stands_for():
    known = rows(litellm.Router(model_list=[deployment("anthropic/*", "anthropic/*", api_key=KEY)]))
    assert len(known) > 1
    assert all(row["model_name"] == row["litellm_params"]["model"] for row in known)


@pytest.mark.parametrize(("deployment_id", "of_teams", "status"), [("nope", False, 400), (None, True, 500)])
def test_a_deployment_that_is_not_there_and_teams_are_refused(router, deployment_id, of_teams, status):
    with pytest.raises(HTTPException) as refused:
        info(router, deployment_id, of_teams)
    assert refused.value.status_code == status
