"""What counts against the SDK proxy: what production's clients were answered, and nothing that others ask it."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from deploy.guard import guard, sampled
from deploy.launcher import Plan
from deploy.listening import port_of
from deploy.programs import PRODUCTION, Asked, Primary, sdk
from deploy.routes import Routes, read
from deploy.watch import Sample, Thresholds, Watch
from harness.upstream.app import SimulatedUpstream
from harness.upstream.autoplay import autoplay
from tests.deploy.test_front import USERS
from tests.deploy.test_launcher import Running, plan, proxy, running
from tests.sdk_proxy.sdk import CONFIG, KEY, chat, environment
from tests.waiting import PATIENCE, until, until_async

AT_ONCE = Thresholds(held=1, fewest=1, failures=1)
ALL_TO_SDK = read(["sdk=100%"], USERS)
WAYS = pytest.mark.parametrize(("primary", "routes"), [("sdk", Routes()), ("binary", ALL_TO_SDK)])
FAILURES = ("unavailable", "cloudflare", "broken")


def with_own_port(folder: Path, primary: Primary, routes: Routes) -> Plan:
    """The SDK proxy has a port that its users know, besides its private one, as with --run-both."""
    wanted = plan(folder, primary=primary, warm=True)
    two_ports = replace(proxy("sdk-proxy"), own=("sdk-proxy", "sdk"))
    return replace(wanted, programs={**wanted.programs, "sdk": (two_ports,)}, routes=routes)


def url(one: Running, name: str) -> str:
    return f"http://127.0.0.1:{port_of(one.launcher.sockets, name)}/"


async def ask(base: str, *paths: str) -> None:
    """Each on a connection of its own; what is broken off is broken off."""
    for path in paths:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            with suppress(httpx.RemoteProtocolError):
                await client.get(base + path)


async def sample(one: Running) -> Sample:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        return await sampled(one.launcher.children["sdk-proxy"], client, port_of(one.launcher.sockets, PRODUCTION))


async def until_answers(one: Running, number: int) -> Sample:
    async def are_counted() -> bool:
        return (await sample(one)).answers >= number

    await until_async(are_counted)
    return await sample(one)


@WAYS
async def test_only_the_production_port_counts(tmp_path: Path, primary: Primary, routes: Routes) -> None:
    async with running(with_own_port(tmp_path, primary, routes), tmp_path) as one:
        await until(lambda: one.launcher.ready("sdk") and one.launcher.ready("binary"))
        watch = Watch(AT_ONCE)
        assert watch.reason(await sample(one)) is None
        for name in ("sdk", "sdk-proxy", "litellm"):
            await ask(url(one, name), *FAILURES)
        await ask(url(one, PRODUCTION), "")
        found = await until_answers(one, 1)
        assert (found.answers, found.errors, found.cloudflare, watch.reason(found)) == (1, 0, 0, None)
        await ask(url(one, PRODUCTION), "unavailable", "broken")
        found = await until_answers(one, 3)
        assert (found.answers, found.errors, found.cloudflare) == (3, 2, 0)
        assert watch.reason(found) == "2 of 3 answers failed (66.7%, limit 2%)"


@WAYS
async def test_failed_probes_of_the_production_port_do_not_count(
    tmp_path: Path, primary: Primary, routes: Routes
) -> None:
    async with running(with_own_port(tmp_path, primary, routes), tmp_path) as one:
        await until(lambda: one.launcher.ready("sdk"))
        probes = ("health", "health/readiness", "health/liveliness", "health/liveness", "metrics")
        await ask(url(one, PRODUCTION), *(f"{path}?unavailable" for path in probes), "")
        assert (await until_answers(one, 1)).answers == 1
        assert (await sample(one)).errors == 0


@WAYS
async def test_failures_on_its_own_port_roll_nothing_back_and_on_the_production_port_do(
    tmp_path: Path, primary: Primary, routes: Routes
) -> None:
    async with running(with_own_port(tmp_path, primary, routes), tmp_path) as one:
        await until(lambda: one.launcher.ready("sdk") and one.launcher.ready("binary"))
        watching = asyncio.create_task(guard(one.launcher, AT_ONCE, every=0.01))
        await ask(url(one, "sdk"), *FAILURES * 10)
        await ask(url(one, PRODUCTION), "")
        await until_answers(one, 1)
        assert (one.changes(), one.launcher.routes.said) == ([], routes.said)
        await ask(url(one, PRODUCTION), "unavailable")
        await until(lambda: watching.done() or one.changes())
        watching.cancel()
        (change,) = one.journal.changes()
        assert (change["what"], change["to"]) == ("rollback", "binary")
        assert change["reason"].startswith(("1 of 2 answers failed", "1 of 1 answers failed"))
        assert (one.launcher.primary, one.launcher.routes.said) == ("binary", ())


async def test_the_time_before_the_upstream_is_that_of_the_production_ports_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the SDK proxy itself, which measures it."""
    asked = Asked(CONFIG, both=True, host="127.0.0.1", port=0, sdk_port=0, litellm_port=0)
    addresses = {PRODUCTION: ("127.0.0.1", 0), "sdk": ("127.0.0.1", 0)}
    monkeypatch.setenv("COOKIE_JAR", "none")
    async with SimulatedUpstream(improvise=autoplay(), gap=0) as upstream:
        for name, value in environment(upstream.url).items():
            monkeypatch.setenv(name, value)
        wanted = Plan({"binary": (), "sdk": sdk(asked)}, "sdk", False, addresses, tmp_path, patience=PATIENCE)
        async with (
            running(wanted, tmp_path) as one,
            httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, trust_env=False, timeout=PATIENCE) as client,
        ):
            for name in ("sdk", "sdk", "sdk-proxy", PRODUCTION):
                answer = await client.post(url(one, name) + "v1/chat/completions", json=chat("gpt-5"))
                assert answer.status_code == 200
            found = await until_answers(one, 1)
            assert (found.answers, max(found.own.values())) == (1, 1)
