import re

import pytest

from sdk_proxy.litellm_proxy_sdk import LLM_ROUTES
from sdk_proxy.request_record import OTHER, route_of


@pytest.mark.parametrize("path", sorted({path for _, path, _ in LLM_ROUTES}))
def test_every_route_that_calls_a_model_has_a_label(path: str) -> None:
    assert route_of(re.sub(r"{.+?}", "some-name", path)) != OTHER


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/v1/chat/completions", "/chat/completions"),
        ("/openai/deployments/a/b/chat/completions", "/chat/completions"),
        ("/engines/a/embeddings", "/embeddings"),
        ("/openai/v1/responses/compact", "/responses/compact"),
        ("/v1/responses/resp_1", "/responses/{id}"),
        ("/responses/resp_1/input_items", "/responses/{id}/input_items"),
        ("/v1/models/gpt-5", "/models/{id}"),
        ("/v1beta/models/a/b:streamGenerateContent", "/models/{id}:streamGenerateContent"),
        ("/models/a:countTokens", "/models/{id}:countTokens"),
        ("/openai/deployments/a/images/edits", "/images/edits"),
        ("/anthropic/v1/messages", "/anthropic/*"),
        ("/v1beta/models/a:secret", OTHER),
        ("/v1", "/"),
        ("/v1/responses/resp_1/secret", OTHER),
        ("/engines/a/secret", OTHER),
        ("/secret", OTHER),
    ],
)
def test_labels_are_few_whatever_is_asked_for(path: str, label: str) -> None:
    assert route_of(path) == label
