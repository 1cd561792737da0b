"""Who goes where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.programs import BadInput
from deploy.routes import Users, client_of, headers_of, place, read

IDS = frozenset({"pycharm-ai-assistant", "default-user"})
KNOWN = Users(IDS, lambda headers: headers.get("x-user", "default-user"))
PYCHARM, CLAUDE = "OpenAIClientImpl/Java 4.14.0", "claude-cli/2.1.197 (external, cli)"


def proxy(*said: str, user: str = "", agent: str = "", primary: str = "binary") -> str:
    headers = {"user-agent": agent} | ({"x-user": user} if user else {})
    return read(said, KNOWN).proxy(headers, "sdk" if primary == "sdk" else "binary")


def test_a_client_is_known_by_its_user_agent() -> None:
    assert proxy("pycharm=sdk", "claude-code=binary", agent=PYCHARM) == "sdk"
    assert proxy("pycharm=sdk", "claude-code=binary", agent=CLAUDE, primary="sdk") == "binary"
    agents = ("Anthropic/Python 2.12.0", "AsyncOpenAI/Python 2.54.0", "OpenAI/JS 6.49.0", "curl/8.5.0", "a claude-cli/")
    assert [client_of({"user-agent": each}) for each in agents] == [
        *("anthropic-python", "openai-python", "vscode", "curl", "")
    ]


def test_who_is_not_named_goes_to_the_primary() -> None:
    assert [proxy("pycharm=sdk", agent=CLAUDE, primary=each) for each in ("binary", "sdk")] == ["binary", "sdk"]


def test_a_user_counts_before_their_client_and_both_before_a_share() -> None:
    said = ("user:alice=binary", "pycharm=sdk", "sdk=0%")
    assert proxy(*said, user="alice", agent=PYCHARM) == "binary"
    assert proxy(*said, user="bob", agent=PYCHARM) == "sdk"
    assert proxy(*said, user="bob", agent=CLAUDE, primary="sdk") == "binary"
    assert proxy("pycharm-ai-assistant=sdk", user="pycharm-ai-assistant") == "sdk"


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_whoever_is_in_a_share_stays_in_it_when_it_grows(user: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    if proxy(f"sdk={less}%", user=user) == "sdk":
        assert proxy(f"sdk={more}%", user=user) == "sdk"
    assert proxy("sdk=100%", user=user) == "sdk"
    assert proxy("sdk=0%", user=user, primary="sdk") == "binary"


def test_a_share_has_about_as_many_users_as_it_says() -> None:
    users = [f"user-{number}" for number in range(4000)]
    assert 0.09 < sum(proxy("sdk=10%", user=each) == "sdk" for each in users) / len(users) < 0.11
    assert [proxy("binary=90%", user=each) for each in users] == [proxy("sdk=10%", user=each) for each in users]
    assert len({place(each) for each in users}) == len(users)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (("pychram=sdk",), "nobody is called 'pychram': there are anthropic-python, claude-code"),
        (("pycharm=new",), "say NAME=binary, NAME=sdk, or sdk=10%"),
        (("pycharm",), "say NAME=binary, NAME=sdk, or sdk=10%"),
        (("user:=sdk",), "nobody is called 'user:'"),
        (("sdk=10",), "a share is from 0% to 100%"),
        (("sdk=110%",), "a share is from 0% to 100%"),
        (("sdk=nan%",), "a share is from 0% to 100%"),
        (("sdk=10%", "binary=20%"), "one share is enough"),
        (("pycharm=sdk", "pycharm=binary"), "pycharm has another route already"),
    ],
)
def test_what_says_nothing_is_refused(said: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(said, KNOWN)
    assert told in str(refused.value)


def test_no_routes_are_none() -> None:
    assert (bool(read((), KNOWN)), bool(read(("sdk=0%",), KNOWN))) == (False, True)


@given(st.binary())
def test_headers_are_read_of_whatever_comes(head: bytes) -> None:
    assert all(name == name.lower() for name in headers_of(head))


def test_headers_of_a_request_that_is_there_in_part() -> None:
    head = b"POST /v1/messages HTTP/1.1\r\nUser-Agent: one\r\nuser-agent: two\r\nX-User:\t al \r\n"
    assert headers_of(head + b"\r\nX-User: body") == {"user-agent": "one", "x-user": "al"}
    assert headers_of(head[:-6]) == {"user-agent": "one", "x-user": ""}
