"""The gate, part by part: what is fresh is read, what is missing is measured, what cannot be is inconclusive."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.client_trials import NAMES, Trial, drive_clients
from harness.cookies_journey import CookiesPlan, phases
from harness.errors import HarnessError
from harness.gate import manifest
from harness.gate.counted_lines import Driven, client_line, cookie_lines, parity_line, untouched_line
from harness.gate.line import (
    CLIENTS,
    CLOUDFLARE,
    CONCURRENT,
    COOKIES,
    ERRORS,
    LATENCY,
    MEMORY,
    PARITY,
    UNTOUCHED,
    Judged,
    Line,
)
from harness.gate.load_lines import FILE, UnderLoad, load_lines
from harness.gate_load import Load, under_load
from harness.journey import Plan, Watch, beside_latest, elsewhere, parity, plan_of
from harness.measured_before import (
    Misfits,
    cookies_misfits,
    measured_before,
    parity_misfits,
    read_report,
    sabotage_misfits,
)
from harness.model import Judgement
from harness.noticing import proof_of, prove, targets_of
from harness.performance.cookies import cookies_tree
from harness.provenance import Made, stamped
from harness.report.files import write_reports
from harness.report.redaction import Redaction
from harness.report.sabotage import sabotage_summary, write_sabotage
from harness.report.summary import summary
from harness.sabotage.catalogue import ALL as SABOTAGES
from harness.settings import GateSettings, Settings
from harness.traffic.scenario_file import read_all

Tell = Callable[[str], None]
Put = Callable[[Iterable[Line]], None]
Tree = dict[str, Any]
_AFTER_RESTART = 300  # requests


@dataclass(frozen=True, slots=True)
class Gate:
    """`folder` is the run's; `cache` holds the installed clients, `missing` why one is not there. `fresh`: nothing that
    was measured before counts."""

    settings: Settings
    run: str
    folder: Path
    cache: Path
    made: Made
    fresh: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)

    def evidence(self, name: str) -> str:
        return f"runs/{self.run}/{name}"

    def before(self, name: str, misfits: Misfits, tell: Tell) -> tuple[Tree, str] | None:
        return None if self.fresh else measured_before(self.settings.reports, name, self.made, misfits, tell)


@dataclass(frozen=True, slots=True)
class Part:
    """What is measured together: `measure` puts its lines as soon as there are any, and better ones later."""

    name: str
    metrics: tuple[str, ...]
    measure: Callable[[Gate, Tell, Put], Awaitable[None]]


async def measured(gate: Gate, chosen: Sequence[str], tell: Tell, put: Put) -> None:
    """Put a line for every metric. A part that cannot be measured leaves inconclusive lines; the next one begins."""
    put = _with_targets(put, gate.settings.gate)
    for part in PARTS:
        put(_unmeasured(part, "not asked for" if part.name not in chosen else "not measured"))
    for part in PARTS:
        if part.name not in chosen:
            continue
        began, seen = time.monotonic(), set[str]()
        tell(f"{part.name}: begins")
        try:
            await part.measure(gate, tell, _noting(put, seen))
        except HarnessError as error:
            why = str(error).partition("\n")[0]
            tell(f"{part.name}: {why}")
            put(line for line in _unmeasured(part, why) if line.metric not in seen)
        tell(f"{part.name}: {time.monotonic() - began:.0f} s")


def _noting(put: Put, seen: set[str]) -> Put:
    def noted(lines: Iterable[Line]) -> None:
        kept = [*lines]
        seen.update(line.metric for line in kept)
        put(kept)

    return noted


def _with_targets(put: Put, asked: GateSettings) -> Put:
    targets = {
        ERRORS: f"< {asked.error_rate:g} %",
        CLOUDFLARE: f"{asked.cloudflare_503s}",
        LATENCY: f"< {asked.latency_p95:g} ms",
        COOKIES: "works",
        MEMORY: f"< {asked.memory:g} MB",
        CONCURRENT: f"{asked.concurrent}+",
        CLIENTS: f"{asked.clients:g} %",
        PARITY: f"{asked.parity:g} %",
        UNTOUCHED: "yes",
    }
    return lambda lines: put(replace(line, target=targets[line.metric]) for line in lines)


def _unmeasured(part: Part, why: str) -> list[Line]:
    return [
        Line(metric, None, "", Judged.INCONCLUSIVE, "not measured", f"nox -s gate -- --only {part.name}", why=why)
        for metric in part.metrics
    ]


# --- the parts --------------------------------------------------------------------------------------------------------


async def _untouched(gate: Gate, _: Tell, put: Put) -> None:
    file = gate.settings.gate.manifest
    put([untouched_line(manifest.changed(file), str(file))])


async def _load(gate: Gate, tell: Tell, put: Put) -> None:
    load = Load(gate.settings, gate.folder / "logs" / "load", gate.folder)

    def keep(seen: UnderLoad) -> None:
        put(load_lines(seen, load.targets, gate.evidence(FILE)))

    await under_load(load, tell, keep)


async def _cookies(gate: Gate, tell: Tell, put: Put) -> None:
    requests = gate.settings.gate.cookie_requests
    found = gate.before("cookies", lambda tree: cookies_misfits(tree, gate.settings), tell)
    if found is None:
        plan = CookiesPlan(gate.settings, requests, min(_AFTER_RESTART, requests))
        done = [phase async for phase in phases(plan, gate.folder / "logs" / "cookies", tell)]
        how = {"workers": plan.workers, "at_once": plan.at_once, "target": gate.settings.candidate}
        tree = stamped(cookies_tree(done, how), gate.settings)
        (gate.folder / "cookies.json").write_text(json.dumps(tree, indent=1), encoding="utf-8")
        found = tree, gate.evidence("cookies.json")
    put(cookie_lines(found[0], gate.settings.gate.cloudflare_503s, found[1]))


async def _clients(gate: Gate, tell: Tell, put: Put) -> None:
    driven: list[Driven] = []

    def keep(one: Driven) -> None:
        driven.append(one)
        trees = [asdict(each) for each in driven]
        tree = stamped({"target": gate.settings.candidate, "clients": trees}, gate.settings)
        (gate.folder / "clients.json").write_text(json.dumps(tree, indent=1), encoding="utf-8")
        put([client_line(driven, NAMES, gate.settings.gate.clients, gate.evidence("clients.json"))])

    await drive_clients(Trial(gate.settings, gate.cache, gate.folder / "logs", missing=gate.missing), tell, keep)


async def _parity(gate: Gate, tell: Tell, put: Put) -> None:
    settings, plan = gate.settings, plan_of(gate.settings, read_all(gate.settings.scenarios), None, {}, whole=True)
    library = len(plan.scenarios)
    names = [one.name for one in SABOTAGES]
    played = gate.before("parity", lambda tree: parity_misfits(tree, settings, library), tell)
    played = played or await _replayed(plan, tell)
    planted = gate.before("sabotage", lambda tree: sabotage_misfits(tree, settings, names), tell)
    planted = planted or await _sabotaged(settings, tell)
    put([parity_line(played[0], planted[0], library, settings.gate.parity, f"{played[1]}, {planted[1]}")])


async def _replayed(plan: Plan, tell: Tell) -> tuple[Tree, str]:
    redaction = Redaction([*plan.credentials.hidden(plan.settings.environment)])

    def report(judgement: Judgement, folder: Path) -> None:
        told = summary(judgement, redaction, elsewhere(plan.settings))
        write_reports(stamped(told, plan.settings), folder, redaction)

    tell(f"parity: {len(plan.scenarios)} scenarios against {plan.settings.baseline} and {plan.settings.candidate}")
    judgement = await parity(plan, Watch(), report)
    evidence = f"runs/{judgement.run}/parity.json"
    return read_report(plan.settings.reports / evidence), evidence


async def _sabotaged(settings: Settings, tell: Tell) -> tuple[Tree, str]:
    proof, began = proof_of(settings, read_all(settings.scenarios), "", None), time.monotonic()
    tell(f"sabotage: {len(proof.sabotages)} regressions are planted")
    with beside_latest(settings.reports) as folder:
        planted = await prove(proof, folder / "logs" / "sabotage", lambda _: None)
        told = sabotage_summary(planted, proof.seed, time.monotonic() - began, targets_of(settings))
        result = stamped(told, settings)
        write_sabotage(result, folder)
        name = folder.name.removeprefix(".").removesuffix(".unfinished")
    return result, f"runs/{name}/sabotage.json"


PARTS = (
    Part("untouched", (UNTOUCHED,), _untouched),
    Part("load", (ERRORS, LATENCY, MEMORY, CONCURRENT), _load),
    Part("cookies", (CLOUDFLARE, COOKIES), _cookies),
    Part("clients", (CLIENTS,), _clients),
    Part("parity", (PARITY,), _parity),
)
