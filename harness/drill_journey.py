"""The rollout, rehearsed with the real programs and clients that never pause: what is promised of it is measured."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from harness.drill.clients import Answered
from harness.drill.figures import Line, Window, at_most, failed, growth, pauses, quantile, within
from harness.drill.launched import BINARY, SDK, Launcher
from harness.drill_stage import USERS, DrillPlan, Tell, stage, steady
from harness.errors import TargetFailed
from harness.upstream.paced import Pace

_SETTLES = 4.0  # seconds between two changes
_WARM = 25.0  # seconds until what is new in a process is over: LiteLLM stands still for 0.6 s once, after twenty
_CALM = 15.0  # seconds in which nothing is changed, to compare with
_AFTER = 2.0  # seconds after a change that still count as its own
_BACK = 60.0  # seconds for a program that was killed
_ROLLED_BACK = 60.0  # seconds in which a flaw has to be noticed, at all
_CUTOVER = ("cutover", "--force", "a drill")
_MOVES = ((_CUTOVER, SDK), (("rollback",), BINARY), (_CUTOVER, SDK))
_ROUNDS = 4  # pairs of windows, with the shadow and without
_WINDOW = 30.0  # seconds
_JUDGED = 120.0  # seconds for a call that waits for the shadow, which goes last in line
_BUSY = steady(0.1)  # 5 % of few answers are none for a while
# Few enough that they seldom meet in LiteLLM, which takes 20 ms for each: how often they do moves the p95.
_FEW = 4
_SELDOM, _SELDOM_PAUSE = Pace(0.05, 0.05, 10, whole=0.5, together=True), 1.5
KILLED = ("sdk-proxy", "binary-proxy", "litellm", "launcher")
FLAWS = ("errors", "leak", "cloudflare")


async def changes(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """Cutover, rollback, cutover under clients; what they saw, and how long the ways back take."""
    async with stage(plan, logs, tell) as here:
        launcher, pace = here.launcher, plan.pace
        tell(f"the binary path answers after {await launcher.start('--no-watch'):.1f} s")
        moves: list[tuple[float, float]] = []
        async with here.clients():
            await asyncio.sleep(_WARM)
            calm = monotonic()
            await asyncio.sleep(_CALM)
            moves.append((calm, monotonic()))
            for words, to in _MOVES:
                began = monotonic()
                took = await launcher.command(*words)
                await launcher.until(partial(_answers, launcher, to), f"{to} answers", 5)
                moves.append((began, monotonic() + _AFTER))
                tell(f"{words[0]}: {took:.2f} s, {to} answers after {monotonic() - began:.2f} s")
                await asyncio.sleep(_SETTLES)
        warm = await _way_back(launcher)
        await launcher.command(*_CUTOVER)
        before = len(launcher.journal())
        await launcher.stop()
        await launcher.start("--no-standby", "--no-watch")
        cold = await _way_back(launcher)
        tell(f"rollback: {warm:.2f} s warm, {cold:.2f} s cold; {before} changes in the journal")
        await launcher.stop()
        left = launcher.left()
    quiet, *moved = ([*within(here.answers, *move)] for move in moves)
    seen = [pause for each in moved for pause in pauses(each, pace.first, pace.between)]
    usual = quantile(pauses(quiet, pace.first, pace.between), 0.99)
    ended = failed(here.answers)
    streams = sum(each.streams for each in here.answers)
    about = (
        f"{len(here.answers)} answers, {streams} streams, {plan.clients} clients; {', '.join(sorted(set(ended))[:3])}"
    )
    pause = quantile(seen, 0.99)
    return [
        at_most("failed requests and cut streams", 0, len(ended), "", about),
        at_most(
            "pause that a client sees, p99",
            100,
            None if pause is None else pause * 1000,
            "ms",
            f"over the upstream's own pace, of {len(seen)} answers open from a command to {_AFTER:g} s after it;"
            f" {(usual or 0) * 1000:.0f} ms without a change",
        ),
        at_most("rollback, warm", 1, warm, "s", "from the command to the binary proxy's first answer"),
        at_most("rollback, cold", 10, cold, "s", "the same, with neither LiteLLM nor the binary proxy running"),
        at_most("processes left behind", 0, len(left), "", "after SIGTERM to the launcher"),
    ]


def _answers(launcher: Launcher, who: str) -> bool:
    return launcher.answering() == who


async def archive(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """The launcher is killed with all that it had started; what the cutover archived answers on its port."""
    async with stage(plan, logs, tell) as here:
        launcher = here.launcher
        await launcher.start("--no-watch")
        await launcher.command(*_CUTOVER)
        await launcher.kill_itself()
        for pid in launcher.left():
            os.kill(pid, signal.SIGKILL)
        began = monotonic()
        await launcher.start_archived()
        took = monotonic() - began
        async with here.clients(8):
            await asyncio.sleep(_SETTLES)
        await launcher.stop()
    wrong = failed(here.answers)
    tell(f"from the archive: {took:.1f} s, then {len(here.answers)} answers, {len(wrong)} failed")
    about = f"all killed; sdk_proxy/archive/start.py to its first answer; then {len(here.answers)} answers"
    return [
        at_most("restore from the archive", 60, took, "s", about),
        at_most("failed requests of the archived proxy", 0, len(wrong), "", ", ".join(sorted(set(wrong))[:3])),
    ]


async def routes(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """Some users go to the SDK proxy, more of them, none: under clients, on the one port."""
    spans: list[tuple[float, float]] = []
    async with stage(plan, logs, tell) as here:
        await here.launcher.start("--no-watch")
        async with here.clients():
            await asyncio.sleep(_SETTLES)
            for words in (("route", "sdk=30%"), ("route", "sdk=60%"), ("rollback",)):
                took = await here.launcher.command(*words)
                began = monotonic()
                await asyncio.sleep(_SETTLES + 2 * (plan.pace.whole + plan.pause))  # each user has whole answers within
                spans.append((began, monotonic()))
                tell(f"{' '.join(words)}: {took:.2f} s")
    few, more, none = (_by_user(here.answers, *span) for span in spans)
    torn = [user for each in (few, more, none) for user, marks in each.items() if len(marks) > 1]
    left = [user for user, marks in few.items() if marks == {True} and more.get(user) == {False}]
    sdk = [sum(marks == {True} for marks in each.values()) for each in (few, more, none)]
    wrong = failed(here.answers)
    kinds = ", ".join(sorted(set(wrong))[:3])
    about = f"{len(here.answers)} answers, {plan.clients} clients of {len(USERS)} users; {kinds}"
    told = f"of {len(few)}, {len(more)}, {len(none)} users the SDK proxy had {sdk[0]}, {sdk[1]}, {sdk[2]}"
    lines = [
        at_most("failed requests and cut streams while routes change", 0, len(wrong), "", about),
        at_most("users whom two proxies answered, or who left a share that grew", 0, len(torn) + len(left), "", told),
        at_most("users of the SDK proxy after a rollback", 0, sdk[2], "", told),
    ]
    return lines if 0 < sdk[0] < sdk[1] else [*lines, Line("routes", "", None, "", met=False, measured_as=told)]


def _by_user(answers: Sequence[Answered], since: float, until: float) -> dict[str, set[bool]]:
    """User -> whether the SDK proxy answered: of requests that began and ended between the two."""
    found: dict[str, set[bool]] = {}
    for each in answers:
        if each.wrong is None and since <= each.began and each.ended <= until:
            found.setdefault(each.user, set()).add(each.marked)
    return found


async def _way_back(launcher: Launcher) -> float:
    _, took = await asyncio.gather(
        launcher.command("rollback"), launcher.until(partial(_answers, launcher, BINARY), "the binary proxy", 60)
    )
    return took


async def kills(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """Each of them ends by `kill -9` under clients; the requests that were open are its own."""
    lines = []
    async with stage(plan, logs, tell) as here:
        launcher = here.launcher
        await launcher.start("--no-watch")
        await launcher.command(*_CUTOVER)
        for victim in KILLED:
            if victim == "binary-proxy":
                await launcher.command("rollback")
            here.answers.clear()
            async with here.clients():
                await asyncio.sleep(_SETTLES)
                killed = monotonic()
                await _killed(launcher, victim)
                back = monotonic() - killed
                await asyncio.sleep(_SETTLES)
            wrong = failed(here.answers, killed)
            later = sum(each.began > killed for each in here.answers)
            about = (
                f"of {later} requests begun after it; as before after {back:.1f} s; {', '.join(sorted(set(wrong))[:3])}"
            )
            lines.append(at_most(f"failed after kill -9 of {victim}", 0, len(wrong), "", about))
            tell(f"kill -9 {victim}: {len(wrong)} failed {about}")
        await launcher.stop()
        lines.append(at_most("processes left behind after the kills", 0, len(launcher.left()), "", "after SIGTERM"))
    return lines


async def _killed(launcher: Launcher, victim: str) -> None:
    """Until it is there again."""
    if victim == "launcher":
        await launcher.kill_itself()
        await launcher.start("--no-watch")
        await asyncio.sleep(_SETTLES)
        return
    before = launcher.said().count(f"{victim}: ready")
    launcher.kill(victim)
    await launcher.until(lambda: launcher.said().count(f"{victim}: ready") > before, f"{victim} is back", _BACK)


async def flaws(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """An SDK proxy with a planted flaw is cut over to by force: it has to be rolled back, and nobody says so."""
    lines = []
    for flaw in FLAWS:
        async with stage(replace(plan, pace=_BUSY), logs / flaw, tell) as here:
            await here.launcher.start(flaw=flaw)
            async with here.clients():
                await here.launcher.command(*_CUTOVER)
                took, why = await _rolled_back(here.launcher)
            tell(f"{flaw}: {why}" if took is None else f"{flaw}: rolled back after {took:.1f} s: {why}")
            line = at_most(f"rollback by itself: {flaw}", 30, took, "s", f"from the end of the cutover: {why}")
            lines.append(replace(line, met=False) if took is None else line)
    return lines


async def _rolled_back(launcher: Launcher) -> tuple[float | None, str]:
    def is_rolled_back() -> bool:
        return bool(launcher.journal()[-1]["what"] == "rollback")

    try:
        took = await launcher.until(is_rolled_back, "the rollback", _ROLLED_BACK)
    except TargetFailed:
        return None, f"not rolled back within {_ROLLED_BACK:g} s"
    return took, launcher.journal()[-1]["reason"]


async def healthy(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """Minutes of clients on a sound SDK proxy: nothing is rolled back."""
    minutes = plan.soak_minutes
    async with stage(plan, logs, tell) as here:
        await here.launcher.start()
        await here.launcher.command(*_CUTOVER)
        async with here.clients():
            ends = monotonic() + minutes * 60
            while monotonic() < ends:
                await asyncio.sleep(min(60.0, max(0.1, ends - monotonic())))
                tell(f"{max(0.0, ends - monotonic()) / 60:.0f} minutes left, {len(here.answers)} answers")
        found = [each for each in here.launcher.journal() if each["what"] != "cutover"]
    wrong = failed(here.answers)
    about = f"{minutes:g} minutes, {plan.clients} clients, {len(here.answers)} answers, {len(wrong)} failed"
    reasons = "; ".join(each["reason"] for each in found)
    line = at_most(
        "changes by itself of a healthy SDK proxy", 0, len(found), "", f"{about}{reasons and f': {reasons}'}"
    )
    return [line if minutes >= 10 else replace(line, value=None, met=None, measured_as=f"only {about}")]


async def shadow(plan: DrillPlan, logs: Path, tell: Tell) -> list[Line]:
    """The SDK proxy is given copies of what clients ask: they wait no longer, nothing more is asked of the provider,
    and the shadow's death is none of theirs."""
    few = replace(plan, clients=min(plan.clients, _FEW), pace=_SELDOM, pause=_SELDOM_PAUSE)
    async with stage(few, logs, tell) as here:
        launcher, counts = here.launcher, here.upstream.counts
        await launcher.start("--no-watch")
        own = counts.calls  # LiteLLM asks for models at its start
        async with here.clients():
            await asyncio.sleep(_WARM)
            windows, reports = await _windows(launcher, tell)
        answers, calls = [*here.answers], counts.calls
        here.answers.clear()
        await launcher.command("shadow", "on")
        async with here.clients():
            await asyncio.sleep(_SETTLES)
        with suppress(TargetFailed):  # told below
            await launcher.until(partial(_has_judged, launcher, reports[-1]), "the shadow has judged", _JUDGED)
        reports += [last for last in (launcher.shadowed(),) if last != reports[-1]]
        async with here.clients():
            await asyncio.sleep(_SETTLES)
            os.kill(launcher.shadow(), signal.SIGKILL)
            await asyncio.sleep(_SETTLES)
        killed, later = failed(here.answers), len(here.answers)
        extra = counts.calls - own - later - len(answers)
        await launcher.stop()
        left = launcher.left()
    judged = sum(report["judged"] for report in reports)
    told = " | ".join(report["told"] for report in reports)
    tell(f"{len(answers) + later} answers, {calls} calls of the provider until the kill; {told}")
    return [
        growth(windows, answers, few.pace.first, 3),
        at_most("failed requests beside a shadow", 0, len(failed(answers)), "", f"of {len(answers)}"),
        at_most("calls of the provider beyond those of clients", 0, extra, "", f"{counts.calls} calls altogether"),
        at_most("failed requests after kill -9 of the shadow", 0, len(killed), "", f"of {later}"),
        Line("calls that the shadow has judged", ">= 1", judged, "", judged >= 1, told),
        at_most("processes left behind after the shadow", 0, len(left), "", "after SIGTERM"),
    ]


def _has_judged(launcher: Launcher, before: dict[str, Any]) -> bool:
    report = launcher.shadowed()
    return bool(report != before and report["judged"])


async def _windows(launcher: Launcher, tell: Tell) -> tuple[list[Window], list[dict[str, Any]]]:
    """In turns, so that what else the machine does meets both; and what each shadow has reported at its end."""
    windows: list[Window] = []
    reports: list[dict[str, Any]] = []
    for turn in range(_ROUNDS):
        for on in (False, True) if turn % 2 else (True, False):
            await launcher.command("shadow", "on" if on else "off")
            if not on and windows and windows[-1][0]:
                reports.append(launcher.shadowed())
                tell(f"the shadow: {reports[-1]['told']}")
            await asyncio.sleep(_AFTER)
            began = monotonic()
            await asyncio.sleep(_WINDOW)
            windows.append((on, began, monotonic()))
    await launcher.command("shadow", "off")
    if windows[-1][0]:
        reports.append(launcher.shadowed())
    return windows, reports


PARTS: Mapping[str, Callable[[DrillPlan, Path, Tell], Awaitable[list[Line]]]] = {
    "changes": changes,
    "routes": routes,
    "archive": archive,
    "kills": kills,
    "shadow": shadow,
    "flaws": flaws,
    "healthy": healthy,
}


async def drill(plan: DrillPlan, parts: Sequence[str], logs: Path, tell: Tell) -> list[Line]:
    """All lines, those of parts that were not asked for as not measured."""
    lines: list[Line] = []
    for name, part in PARTS.items():
        if name not in parts:
            lines.append(Line(name, "", None, "", None, "not asked for"))
            continue
        tell(f"--- {name}")
        try:
            lines += await part(plan, logs / name, tell)
        except TargetFailed as error:
            lines.append(Line(name, "", None, "", met=False, measured_as=str(error)))
    return lines
