from dataclasses import replace
from pathlib import Path

import pytest

from deploy.programs import Asked, BadInput, programs, wants_sdk

ASKED = Asked(Path("c.yaml"), sdk=False, both=False, host="127.0.0.1", port=8764, sdk_port=8765, litellm_port=4000)


@pytest.mark.parametrize(
    ("asked", "ports"),
    [
        (ASKED, {"litellm": 4000, "binary-proxy": 8764}),
        (replace(ASKED, both=True), {"litellm": 4000, "binary-proxy": 8764, "sdk-proxy": 8765}),
        (replace(ASKED, sdk=True, port=9000), {"sdk-proxy": 9000}),
    ],
)
def test_litellm_runs_only_for_the_binary_proxy_and_before_it(asked: Asked, ports: dict[str, int]) -> None:
    found = programs(asked)
    assert {program.name: program.port for program in found} == ports
    assert [program.name for program in found] == list(ports)
    assert all(str(program.port) in program.command and "c.yaml" in program.command for program in found)


def test_a_proxy_that_listens_everywhere_is_asked_on_this_machine() -> None:
    assert programs(replace(ASKED, sdk=True, host="0.0.0.0"))[0].ready == "http://127.0.0.1:8764/health/readiness"
    assert programs(replace(ASKED, sdk=True, host="::1"))[0].ready == "http://[::1]:8764/health/readiness"


def test_two_programs_cannot_have_one_port() -> None:
    with pytest.raises(BadInput, match="litellm and binary-proxy cannot both have port 8764"):
        programs(replace(ASKED, litellm_port=8764))


@pytest.mark.parametrize(
    ("option", "said", "wanted"),
    [
        (False, {}, False),
        (True, {}, True),
        (False, {"USE_SDK_PROXY": "True"}, True),
        (True, {"USE_SDK_PROXY": "false"}, True),
    ],
)
def test_the_environment_says_it_too(option: bool, said: dict[str, str], wanted: bool) -> None:
    assert wants_sdk(option, said) is wanted


def test_what_is_neither_true_nor_false_is_told() -> None:
    with pytest.raises(BadInput, match="USE_SDK_PROXY=perhaps: say true or false"):
        wants_sdk(False, {"USE_SDK_PROXY": "perhaps"})
