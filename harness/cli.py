"""`python -m harness`: what a user can ask for. Each command reads, calls the journey, and shows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from harness.approve_command import approve_command
from harness.cookies_command import cookies_command
from harness.exit_code import run_to_its_exit_code
from harness.explain_command import explain_command
from harness.journey import Plan, Watch, judged, parity, plan_of, stored_run
from harness.load_command import load_command
from harness.model import Judgement, Role, Scenario
from harness.recording import Recording, record, record_clients
from harness.report.files import REPORTS, write_reports
from harness.report.redaction import Redaction
from harness.report.summary import summary
from harness.report.terminal import show_scenario, show_verdict
from harness.sabotage_command import sabotage_command
from harness.settings import read_settings
from harness.traffic.scenario_file import read_all


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Proves that two LLM gateways are equal on recorded traffic, or says where they are not."""


main.add_command(load_command)
main.add_command(sabotage_command)
main.add_command(explain_command)
main.add_command(approve_command)
main.add_command(cookies_command)


@main.command("parity")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--baseline", metavar="TARGET", help="The target that is right by definition.")
@click.option("--candidate", metavar="TARGET", help="The target that is judged.")
@click.option("--config", metavar="FILE", help="The gateways' configuration.")
@click.option("--scenarios", metavar="FOLDER", help="Where the scenarios are.")
@click.option("--differences", metavar="FILE", help="The declared differences.")
@click.option("--reports", metavar="FOLDER", help="Where the reports go.")
@click.option("--concurrency", type=click.IntRange(1), help="Scenarios at once on each target.")
@click.option("-k", "text", default="", help="Only scenarios whose id contains this.")
@click.option("--client", help="Only scenarios of this client: the folder's name.")
@click.option("--seed", type=int, help="The order of an earlier run again; it is printed at its end.")
@click.option("--baseline-port", type=click.IntRange(1, 65535), help="Default: a free one.")
@click.option("--candidate-port", type=click.IntRange(1, 65535), help="Default: a free one.")
def parity_command(
    file: Path,
    text: str,
    client: str | None,
    seed: int | None,
    baseline_port: int | None,
    candidate_port: int | None,
    **options: str | int | None,
) -> None:
    """Replay all scenarios against both targets and judge. Exit 0: they agree, 1: they differ, 2: no judgement."""

    def plan() -> Plan:
        settings = read_settings(file, {name: value for name, value in options.items() if value is not None})
        found = read_all(settings.scenarios)
        picked = [each for each in found if text in each.id and client in (None, each.client)]
        given = {Role.BASELINE: baseline_port, Role.CANDIDATE: candidate_port}
        ports = {role: port for role, port in given.items() if port}
        return plan_of(settings, picked, seed, ports, whole=len(picked) == len(found))

    console = Console()
    run_to_its_exit_code(console, lambda: _parity(plan(), console))


@main.command("compare")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("reports/latest"))
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
def compare_command(folder: Path, file: Path) -> None:
    """Judge a stored run again, with the differences that are declared now. Nothing is started."""

    async def again() -> int:
        settings = read_settings(file, {})
        run, seed = stored_run(folder)
        plan = plan_of(settings, read_all(settings.scenarios), seed, {}, whole=True)
        judgement = judged(plan, run)
        _show(console, judgement, Redaction(), write_reports(summary(judgement, Redaction()), run.folder, Redaction()))
        return judgement.exit_code

    console = Console()
    run_to_its_exit_code(console, again)


@main.command("record")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--listen", default=8760, show_default=True, help="The port that clients are to send to.")
@click.option("--to", "gateway", required=True, metavar="URL", help="The gateway, http://127.0.0.1:8764 for instance.")
@click.option("--upstream-listen", default=8761, show_default=True, help="The port that the gateway is to send to.")
@click.option("--upstream", metavar="URL", help="The gateway's provider; without it the scenario has no replies.")
@click.option("--title", default="Recorded traffic", show_default=True, help="What happens in it, in a sentence.")
@click.option("--program", help="The client and its version. Default: the folder's name.")
@click.option("--covers", default="", help="Words for what it is about: stream,tools")
@click.option("--keep-text", is_flag=True, help="Leave human language as it is. Credentials and ids never stay.")
def record_command(
    file: Path | None, title: str, program: str | None, covers: str, keep_text: bool, **places: Any
) -> None:
    """Stand before a gateway, keep what passes, and write it on Ctrl-C.

    FILE is scenarios/<client>/<name>.yaml; without it the time is the name. What is written is scrubbed: no credential,
    no id, and no human language is what it was.
    """
    now = datetime.now(UTC)
    place = file or Path(f"scenarios/recorded/{now:%Y%m%d-%H%M%S}.yaml")
    client = place.absolute().parent.name
    source = f"recorded {now:%Y-%m-%d}, {program or client}"
    about = Scenario(f"{client}/{place.stem}", client, title, source, tuple(covers.split(",")) if covers else (), ())
    ports = (places["listen"], places["upstream_listen"])
    recording = Recording(about, place, places["gateway"], places["upstream"], *ports, keep_text)
    console = Console()

    async def until_interrupted() -> int:
        requests = await record(recording, lambda line: console.print(line, highlight=False))
        console.print(f"{place}: {requests} requests" if requests else "nothing was sent: nothing is written")
        return 0 if requests else 2

    run_to_its_exit_code(console, until_interrupted)


@main.command("record-clients")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--only", default="", help="Only situations whose id contains this: claude-code/tool-loop")
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache"), show_default=True)
def record_clients_command(file: Path, only: str, cache: Path) -> None:
    """Put the real clients through every situation, before the baseline, and write the scenarios.

    Needs npm (Claude Code) and Java with Maven (openai-java).
    """
    console = Console()

    async def every_situation() -> int:
        await record_clients(read_settings(file, {}), only, cache, lambda line: console.print(line, highlight=False))
        return 0

    run_to_its_exit_code(console, every_situation)


async def _parity(plan: Plan, console: Console) -> int:
    with _progress(console) as progress:
        redaction = Redaction([*plan.credentials.hidden(plan.settings.environment)])
        judgement = await parity(plan, _Bars(progress, len(plan.scenarios)), lambda j, f: _report(j, f, redaction))
    _show(console, judgement, redaction, tuple(judgement.folder / name for name in REPORTS))
    return judgement.exit_code


def _show(console: Console, judgement: Judgement, redaction: Redaction, files: tuple[Path, ...]) -> None:
    for verdict in judgement.verdicts:
        show_scenario(console, verdict)
    show_verdict(console, summary(judgement, redaction), files)


def _report(judgement: Judgement, folder: Path, redaction: Redaction) -> None:
    write_reports(summary(judgement, redaction), folder, redaction)


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
