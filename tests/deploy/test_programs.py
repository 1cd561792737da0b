from dataclasses import replace
from pathlib import Path

import pytest

from deploy.programs import PRODUCTION, Asked, BadInput, binary, said_primary, sdk

ASKED = Asked(Path("c.yaml"), both=False, host="127.0.0.1", port=8764, sdk_port=8765, litellm_port=4000)


def test_litellm_runs_only_for_the_binary_proxy_and_never_has_the_production_port() -> None:
    assert [(each.name, each.takes_production) for each in binary(ASKED)] == [
        ("litellm", False),
        ("binary-proxy", True),
    ]
    assert [(each.name, each.takes_production) for each in sdk(ASKED)] == [("sdk-proxy", True)]
    assert all("c.yaml" in each.command for each in (*binary(ASKED), *sdk(ASKED)))
    assert "http://127.0.0.1:4000" in binary(ASKED)[1].command


def test_the_sdk_proxy_has_a_port_for_all_only_beside_the_other() -> None:
    assert ASKED.addresses() == {PRODUCTION: ("127.0.0.1", 8764), "litellm": ("127.0.0.1", 4000)}
    both = replace(ASKED, both=True, host="::1")
    assert both.addresses()["sdk"] == ("::1", 8765)
    assert (sdk(ASKED)[0].own, sdk(both)[0].own) == (("sdk-proxy",), ("sdk-proxy", "sdk"))


def test_two_programs_cannot_have_one_port() -> None:
    with pytest.raises(BadInput, match="production and litellm cannot both have port 8764"):
        replace(ASKED, litellm_port=8764).addresses()
    with pytest.raises(BadInput, match="production and sdk cannot both have port 8764"):
        replace(ASKED, both=True, sdk_port=8764).addresses()


@pytest.mark.parametrize(
    ("option", "said", "wanted"),
    [
        (False, {}, None),
        (True, {}, "sdk"),
        (False, {"USE_SDK_PROXY": "True"}, "sdk"),
        (False, {"USE_SDK_PROXY": "0"}, "binary"),
        (True, {"USE_SDK_PROXY": "false"}, "sdk"),
    ],
)
def test_the_environment_says_it_too(option: bool, said: dict[str, str], wanted: str | None) -> None:
    assert said_primary(option, said) == wanted


def test_what_is_neither_true_nor_false_is_told() -> None:
    with pytest.raises(BadInput, match="USE_SDK_PROXY=perhaps: say true or false"):
        said_primary(False, {"USE_SDK_PROXY": "perhaps"})
