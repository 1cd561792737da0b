import asyncio
import json
import logging
import time
from pathlib import Path

import pytest

from sdk_proxy.cookie_file import CookieFile
from sdk_proxy.cookie_jar import StoredCookie

ORIGIN, OTHER = "https://api.example.com", "https://api.example.com:8443"


def cookie(name: str, value: str = "canary", expires: int | None = None) -> StoredCookie:
    return StoredCookie(name=name, value=value, domain="api.example.com", expires=expires)


def changes(*cookies: StoredCookie) -> dict[str, StoredCookie | None]:
    return {each.key: each for each in cookies}


async def test_what_one_wrote_another_reads_for_the_same_origin_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "jar.json"
    await CookieFile(path).write(ORIGIN, changes(cookie("a")))
    assert await CookieFile(path).read(ORIGIN) == changes(cookie("a"))
    assert await CookieFile(path).read(OTHER) == {}
    assert [oct(each.stat().st_mode)[-3:] for each in (path, path.parent)] == ["600", "700"]


async def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "jar.json"
    await asyncio.gather(*(CookieFile(path).write(ORIGIN, changes(cookie(f"c{n}"))) for n in range(20)))
    assert len(await CookieFile(path).read(ORIGIN)) == 20
    assert sorted(each.name for each in tmp_path.iterdir()) == ["jar.json", "jar.json.lock"]


async def test_cookies_that_ended_or_are_gone_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "jar.json"
    jar, past = CookieFile(path), int(time.time()) - 1
    await jar.write(ORIGIN, changes(cookie("old", expires=past), cookie("a"), cookie("b")))
    await jar.write(ORIGIN, {cookie("a").key: None})
    assert await jar.read(ORIGIN) == changes(cookie("b"))
    assert "old" not in path.read_text()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no JSON: canary",
        "[]",
        '{"origins": {"x": [{"value": "canary"}]}}',
        '{"origins": {"x": [{"name": "not in Latin-1", "value": "canary ✓", "domain": "x"}]}}',
    ],
)
async def test_a_file_that_is_no_jar_is_kept_aside_with_a_warning(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "jar.json"
    path.write_text(content)
    assert await CookieFile(path).read(ORIGIN) == {}
    (aside,) = tmp_path.glob("jar.json.corrupt-*")
    assert (aside.read_text(), path.exists()) == (content, False)
    assert "is no cookie jar" in caplog.text
    assert "canary" not in caplog.text


async def test_writing_over_a_file_that_is_no_jar_keeps_it_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "jar.json"
    path.write_text("precious")
    await CookieFile(path).write(ORIGIN, changes(cookie("a")))
    assert [aside.read_text() for aside in tmp_path.glob("jar.json.corrupt-*")] == ["precious"]
    assert await CookieFile(path).read(ORIGIN) == changes(cookie("a"))


async def test_a_place_that_cannot_be_used_is_one_warning_and_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    jar = CookieFile(tmp_path / "file" / "jar.json")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            await jar.write(ORIGIN, changes(cookie("a")))
            assert await jar.read(ORIGIN) == {}
            async with jar.first(ORIGIN):
                pass
    assert caplog.text.count("in memory only") == 1


async def test_a_write_changes_the_version(tmp_path: Path) -> None:
    jar = CookieFile(tmp_path / "jar.json")
    versions = [jar.version()]
    for number in range(2):
        await jar.write(ORIGIN, changes(cookie(f"c{number}")))
        versions.append(jar.version())
    assert len(set(versions)) == 3


async def test_one_at_a_time_is_first_at_an_origin(tmp_path: Path) -> None:
    jars, order = [CookieFile(tmp_path / "jar.json") for _ in range(3)], list[str]()

    async def turn(jar: CookieFile) -> None:
        async with jar.first(ORIGIN):
            order.append("in")
            await asyncio.sleep(0)
            order.append("out")

    await asyncio.gather(*map(turn, jars))
    assert order == ["in", "out"] * 3


async def test_the_file_says_what_version_it_has(tmp_path: Path) -> None:
    path = tmp_path / "jar.json"
    await CookieFile(path).write(ORIGIN, changes(cookie("a")))
    assert json.loads(path.read_text())["version"] == 1
