from pathlib import Path

import pytest

from sdk_proxy.cookie_file import CookieFile
from sdk_proxy.cookie_jar import CookieStore
from sdk_proxy.cookie_store import default_place, store_at


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/u"}, "/state/sdk-proxy/cookies.json"),
        ({"HOME": "/home/u"}, "/home/u/.local/state/sdk-proxy/cookies.json"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/u"}, "/home/u/.local/state/sdk-proxy/cookies.json"),
        ({}, "none"),
    ],
)
def test_the_default_is_in_the_state_folder(environ: dict[str, str], place: str) -> None:
    assert default_place(environ) == place


def test_a_place_is_a_file_or_none(tmp_path: Path) -> None:
    assert type(store_at("none")) is CookieStore
    assert isinstance(store_at(str(tmp_path / "jar.json")), CookieFile)


@pytest.mark.parametrize(
    "place", ["", "http://user:canary@host/", "redis://:canary@host:port/", "redis://:ca#nary@host"]
)
def test_a_place_that_is_none_is_an_error_that_tells_no_password(place: str) -> None:
    with pytest.raises(ValueError, match="place for cookies") as raised:
        store_at(place)
    assert "ca" not in str(raised.value).replace("place", "")
