"""Watches the SDK proxy while it answers on the production port, and rolls back by itself. It never cuts over."""

from __future__ import annotations

import asyncio

import httpx

from deploy.child import Child, Died
from deploy.journal import Change
from deploy.launcher import PROXIES, Failed, Launcher
from deploy.listening import port_of
from deploy.programs import LOOPBACK, PRODUCTION, BadInput
from deploy.watch import Sample, Thresholds, Watch, own_time


async def guard(launcher: Launcher, thresholds: Thresholds, every: float = 1.0) -> None:
    """For as long as the launcher runs. `every`: seconds between two samples."""
    watch = Watch(thresholds)
    async with httpx.AsyncClient(timeout=5, trust_env=False) as calls:
        while True:
            await asyncio.sleep(every)
            child = launcher.children.get(PROXIES["sdk"])
            if not launcher.asks("sdk") or child is None or not child.is_alive():
                watch = Watch(thresholds)
                continue
            reason = watch.reason(await sampled(child, calls, port_of(launcher.sockets, PRODUCTION)))
            if reason is not None:
                watch = Watch(thresholds)
                await rolled_back(launcher, reason)


async def rolled_back(launcher: Launcher, reason: str) -> None:
    change = Change("rollback", "launcher", "sdk", "binary", reason)
    try:
        await launcher.move("binary", change)
    except (BadInput, Failed, Died, OSError) as error:
        launcher.say(f"rollback, for {reason}: not possible: {error}")
        return
    launcher.say(f"rollback: sdk -> binary: {reason}")


async def sampled(child: Child, calls: httpx.AsyncClient, production: int) -> Sample:
    """What it answered on the port is counted outside of it; the rest it says itself, and its silence says it too.
    `production`: the port that counts; what others ask the SDK proxy on its own ports is not production's."""
    at, own, ready = asyncio.get_running_loop().time(), dict[float, int](), False
    try:
        base = f"http://{LOOPBACK}:{child.port}"
        metrics, readiness = await asyncio.gather(calls.get(f"{base}/metrics"), calls.get(base + child.program.ready))
        own, ready = own_time(metrics.text, production), readiness.status_code == httpx.codes.OK
    except httpx.HTTPError:
        pass
    try:
        state = await child.ask("state")
    except Died:
        state, ready = {}, False
    answers, errors, cloudflare = (int(state.get(name, 0)) for name in ("answers", "errors", "cloudflare"))
    memory = await asyncio.to_thread(child.memory)
    return Sample(at, child.pid, ready, answers, errors, cloudflare, memory, own)
