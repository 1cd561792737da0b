"""`python -m harness`: what a user can ask for. Each command reads, calls the journey, and shows."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from harness.approve_command import approve_command
from harness.bench_command import bench_command
from harness.cookies_command import cookies_command
from harness.drill_command import drill_command
from harness.exit_code import run_to_its_exit_code
from harness.explain_command import explain_command
from harness.gate_command import gate_command, untouched_command
from harness.generator_command import generator_command
from harness.journey import Plan, Watch, elsewhere, failed_last, judged, parity, plan_of, stored_run, without_musts
from harness.load_command import load_command
from harness.model import Judgement, Role, Scenario
from harness.provenance import stamped
from harness.recording_commands import RECORDING_COMMANDS
from harness.rejudge_command import rejudge_command
from harness.report.files import REPORTS, write_reports
from harness.report.redaction import Redaction
from harness.report.summary import summary
from harness.report.terminal import show_scenario, show_verdict
from harness.report_command import body_command, report_command
from harness.reporting import report_beside
from harness.sabotage_command import sabotage_command
from harness.self_command import self_command
from harness.settings import read_settings
from harness.shadow_command import shadow_command
from harness.site import isolate, refuse_foreign
from harness.traffic.mutated import mutated as mutations
from harness.traffic.scenario_file import read_all
from harness.trial_commands import canary_command, fuzz_command, leaving_command, soak_command
from harness.unfinished import read_part


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Proves that two LLM gateways are equal on recorded traffic, or says where they are not."""


COMMANDS = (
    gate_command,
    untouched_command,
    load_command,
    bench_command,
    generator_command,
    self_command,
    fuzz_command,
    soak_command,
    canary_command,
    leaving_command,
    sabotage_command,
    explain_command,
    approve_command,
    cookies_command,
    drill_command,
    shadow_command,
    report_command,
    body_command,
    rejudge_command,
    *RECORDING_COMMANDS,
)
for command in COMMANDS:
    main.add_command(command)


@main.command("parity")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--baseline", metavar="TARGET", help="The target that is right by definition.")
@click.option("--candidate", metavar="TARGET", help="The target that is judged.")
@click.option("--config", metavar="FILE", help="The gateways' configuration.")
@click.option("--scenarios", metavar="FOLDER", help="Where the scenarios are.")
@click.option("--differences", metavar="FILE", help="The declared differences.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go.")
@click.option("--cosmetic", type=click.Choice(["agree", "differ"]), help="What cosmetic differences alone amount to.")
@click.option("--concurrency", type=click.IntRange(1), help="Scenarios at once on each target.")
@click.option("-k", "text", default="", help="Only scenarios whose id contains this.")
@click.option("--client", help="Only scenarios of this client: the folder's name.")
@click.option("--covers", help="Only scenarios that are about this: tool-loop, errors, ...")
@click.option("--without-musts", is_flag=True, help="Only compare: what scenarios say must hold is of other gateways.")
@click.option("--mutated", type=click.IntRange(1), help="That many scenarios, with a mistake in an answer; no musts.")
@click.option("--last-failed", is_flag=True, help="Only scenarios that were not the same or allowed in the last run.")
@click.option("--resume", is_flag=True, help="Go on where the last run was interrupted: with what it has observed.")
@click.option("--seed", type=int, help="The order of an earlier run again; it is printed at its end.")
@click.option("--baseline-port", type=click.IntRange(1, 65535), help="Default: a free one.")
@click.option("--candidate-port", type=click.IntRange(1, 65535), help="Default: a free one.")
def parity_command(
    file: Path,
    seed: int | None,
    resume: bool,
    mutated: int | None,
    baseline_port: int | None,
    candidate_port: int | None,
    **options: Any,
) -> None:
    """Replay all scenarios against both targets and judge. Exit 0: they agree, 1: they differ, 2: no judgement."""
    picks = Picks(**{field.name: options.pop(field.name) for field in fields(Picks)})

    def plan() -> Plan:
        settings = read_settings(file, {name: value for name, value in options.items() if value is not None})
        names = (settings.baseline, settings.candidate)
        refuse_foreign(settings, names)
        found = read_all(settings.scenarios)
        again = failed_last(settings.reports) if picks.last_failed else None
        picked = [picks.made(each) for each in found if picks.take(each) and (again is None or each.id in again)]
        given = {Role.BASELINE: baseline_port, Role.CANDIDATE: candidate_port}
        ports = {role: port for role, port in given.items() if port}
        own = options["scenarios"] is None  # the declarations are about these: others may need none of them
        order = read_part(settings.reports).seed if resume else secrets.randbelow(2**32) if seed is None else seed
        whole = own and len(picked) == len(found) and not mutated
        played = picked if mutated is None else mutations(picked, mutated, order)
        made = plan_of(isolate(settings, names, tell), played, order, ports, whole=whole)
        return replace(made, resume=resume)

    console = Console()

    def tell(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    run_to_its_exit_code(console, lambda: _parity(plan(), console))


@dataclass(frozen=True, slots=True)
class Picks:
    """Which of the scenarios are to be replayed, and whether with what they say must hold."""

    text: str
    client: str | None
    covers: str | None
    last_failed: bool
    without_musts: bool = False

    def take(self, scenario: Scenario) -> bool:
        return (
            self.text in scenario.id
            and self.client in (None, scenario.client)
            and (self.covers is None or self.covers in scenario.covers)
        )

    def made(self, scenario: Scenario) -> Scenario:
        return without_musts(scenario) if self.without_musts else scenario


@main.command("compare")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports/latest"))
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
def compare_command(folder: Path, file: Path) -> None:
    """Judge a stored run again, with the differences that are declared now. Nothing is started."""

    async def again() -> int:
        run, seed = stored_run(folder)
        settings = read_settings(file, run.names)
        plan = plan_of(settings, read_all(settings.scenarios), seed, {}, whole=True)
        judgement = judged(plan, run)
        result = {**summary(judgement, Redaction(), elsewhere(settings)), "made": run.made}
        network = str(run.made.get("network", "")) if isinstance(run.made, dict) else ""
        _show(console, judgement, Redaction(), write_reports(result, run.folder, Redaction()), network)
        return judgement.exit_code

    console = Console()
    run_to_its_exit_code(console, again)


async def _parity(plan: Plan, console: Console) -> int:
    with _progress(console) as progress:
        redaction = Redaction([*plan.credentials.hidden(plan.settings.environment)])
        judgement = await parity(
            plan, _Bars(progress, len(plan.scenarios)), lambda j, f: _report(j, f, redaction, plan)
        )
    page = report_beside(plan.settings, lambda line: console.print(line, highlight=False), redaction)
    files = (*(judgement.folder / name for name in REPORTS), *page)
    _show(console, judgement, redaction, files, plan.settings.network)
    return judgement.exit_code


def _show(console: Console, judgement: Judgement, redaction: Redaction, files: tuple[Path, ...], network: str) -> None:
    for verdict in judgement.verdicts:
        show_scenario(console, verdict)
    show_verdict(console, {**summary(judgement, redaction), "made": {"network": network}}, files)


def _report(judgement: Judgement, folder: Path, redaction: Redaction, plan: Plan) -> None:
    others = elsewhere(plan.settings) if plan.whole else ()  # of some scenarios there is no saying what is covered
    told = summary(judgement, redaction, others)
    write_reports(stamped(told, plan.settings), folder, redaction)


# --- at the edge ----------------------------------------------------------------------------------------------------


class _Bars(Watch):
    """A bar for each target; in a log, where nothing can be redrawn, a line when it is ready."""

    def __init__(self, progress: Progress, scenarios: int) -> None:
        self._progress, self._scenarios = progress, scenarios
        self._bars: dict[Role, TaskID] = {}

    def starting(self, role: Role, target: str) -> None:
        self._bars[role] = self._progress.add_task(f"{role}: starting {target}", total=self._scenarios)

    def ready(self, role: Role, version: str) -> None:
        self._progress.update(self._bars[role], description=f"{role}: {version}")
        if not self._progress.console.is_terminal:
            self._progress.console.print(f"{role}: {version} is ready", highlight=False)

    def observed(self, role: Role) -> None:
        self._progress.advance(self._bars[role])


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal and console.quiet)
