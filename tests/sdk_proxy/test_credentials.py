import pytest

from sdk_proxy.credentials import sent_key


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({"authorization": "Bearer a"}, "a"),
        ({"authorization": "bearer a"}, "a"),
        ({"authorization": "Basic a"}, "a"),
        ({"authorization": "a"}, ""),
        ({"authorization": "Bearer "}, ""),
        ({"x-api-key": "a"}, "a"),
        ({"x-api-key": "Bearer a"}, "Bearer a"),
        ({"authorization": "", "x-api-key": "a"}, "a"),
        ({"authorization": "Bearer wrong", "x-api-key": "a"}, "wrong"),
        ({"api-key": "a", "x-api-key": "b"}, "a"),
        ({"x-goog-api-key": "a"}, "a"),
        ({"ocp-apim-subscription-key": "a"}, "a"),
        ({"x-litellm-api-key": "a", "authorization": "Bearer wrong"}, "a"),
        ({"x-litellm-api-key": "Bearer a"}, "a"),
        ({"x-litellm-api-key": "", "authorization": "Bearer a"}, "a"),
        ({"x-api-key": ""}, None),
        ({"x-api-key": "", "x-goog-api-key": "a"}, "a"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a/20261123/eu-west-1/bedrock/aws4_request, Signature=b"}, "a"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=Bearer a/20261123/eu-west-1, Signature=b"}, "a"),
        ({"authorization": "AWS4-HMAC-SHA256 Signature=b"}, ""),
    ],
)
def test_the_key_is_read_where_litellm_reads_it(headers, key):
    assert sent_key(headers) == key
