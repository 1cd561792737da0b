"""`python -m harness record`, `record-clients`, `import`, `export`, `schema`: recordings, on their way in and out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness import archives
from harness.client_recordings import record_clients
from harness.exit_code import run_to_its_exit_code
from harness.model import Role, Scenario
from harness.recording import Recording, keep, record, refuse_to_overwrite
from harness.settings import read_settings
from harness.traffic.scenario_schema import json_schema
from harness.traffic.scrub import Sources

_NO_REPLIES = (
    "without --upstream the scenario has no replies of a provider: if {archive} is what passed between a client and its"
    " provider, give it as --upstream as well"
)


def _about(place: Path, title: str, program: str | None, covers: str) -> Scenario:
    """A recorded scenario without its steps: the folder is the client, the file's name the rest of the id."""
    client = place.absolute().parent.name
    source = f"recorded {datetime.now(UTC):%Y-%m-%d}, {program or client}"
    return Scenario(f"{client}/{place.stem}", client, title, source, tuple(covers.split(",")) if covers else (), ())


def _recording_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--title", default="Recorded traffic", show_default=True, help="What happens, in a sentence."),
        click.option("--program", help="The client and its version. Default: the folder's name."),
        click.option("--covers", default="", help="Words for what it is about: stream,tools"),
        click.option("--update", is_flag=True, help="Write over a recording that is there."),
        click.option("--keep-text", is_flag=True, help="Leave human language. Credentials and ids never stay."),
        click.option(
            "--accept-malformed",
            is_flag=True,
            help="Scrub a body that is not the JSON, or the stream, that it says as text, instead of refusing it.",
        ),
    ):
        command = option(command)
    return command


@click.command("record")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--listen", default=8760, show_default=True, help="The port that clients are to send to.")
@click.option("--to", "gateway", required=True, metavar="URL", help="The gateway, http://127.0.0.1:8764 for instance.")
@click.option("--upstream-listen", default=8761, show_default=True, help="The port that the gateway is to send to.")
@click.option("--upstream", metavar="URL", help="The gateway's provider; without it the scenario has no replies.")
@_recording_options
def record_command(file: Path | None, update: bool, keep_text: bool, accept_malformed: bool, **given: Any) -> None:
    """Stand before a gateway, keep what passes, and write it on Ctrl-C.

    FILE is scenarios/<client>/<name>.yaml; without it the time is the name. What is written is scrubbed: no credential,
    no id, and no human language is what it was.
    """
    place = file or Path(f"scenarios/recorded/{datetime.now(UTC):%Y%m%d-%H%M%S}.yaml")
    about = _about(place, given["title"], given["program"], given["covers"])
    ports = (given["listen"], given["upstream_listen"])
    recording = Recording(about, place, given["gateway"], given["upstream"], *ports, keep_text, accept_malformed)
    console = Console()

    async def until_interrupted() -> int:
        refuse_to_overwrite(place, update)
        return _recorded(console, place, await record(recording, lambda line: console.print(line, highlight=False)))

    run_to_its_exit_code(console, until_interrupted)


@click.command("import")
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--upstream", type=click.Path(path_type=Path), help="What passed between the gateway and its provider.")
@_recording_options
def import_command(
    archive: Path,
    file: Path,
    upstream: Path | None,
    update: bool,
    keep_text: bool,
    accept_malformed: bool,
    **given: str,
) -> None:
    """Make a scenario of another tool's recording of what clients sent: a HAR, mitmproxy's flows, a VCR cassette, or
    the JSON lines of claude-trace, ccs-proxy or llm-interceptor.

    Where that passed between a client and its provider directly, give it as --upstream as well.
    FILE is scenarios/<client>/<name>.yaml. What is written is scrubbed, as it is for `record`.
    """
    console = Console()

    async def made() -> int:
        refuse_to_overwrite(file, update)
        client, provider = await archives.read(archive), await archives.read(upstream) if upstream else ()
        about, sources = _about(file, **given), Sources(archive, upstream)
        requests = keep(about, file, client, provider, keep_text, sources=sources, accept_malformed=accept_malformed)
        if not upstream:
            console.print(_NO_REPLIES.format(archive=archive), highlight=False, markup=False, soft_wrap=True)
        return _recorded(console, file, requests)

    run_to_its_exit_code(console, made)


@click.command("export")
@click.argument("scenario")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--run", "folder", type=click.Path(path_type=Path), default=Path("reports/latest"), show_default=True)
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.CANDIDATE.value)
@click.option("--face", type=click.Choice(["client", "upstream"]), default="client", show_default=True)
def export_command(scenario: str, file: Path, folder: Path, role: str, face: archives.Face) -> None:
    """Write what a stored run has seen of SCENARIO as a HAR, which browsers and mitmproxy open."""

    async def written() -> int:
        archives.export(file, archives.exported(folder, scenario, Role(role), face))
        return 0

    run_to_its_exit_code(Console(), written)


def _recorded(console: Console, place: Path, requests: int) -> int:
    console.print(f"{place}: {requests} requests" if requests else "nothing was sent: nothing is written")
    return 0 if requests else 2


@click.command("record-clients")
@click.option("--settings", "file", type=click.Path(path_type=Path), default=Path("harness.toml"), show_default=True)
@click.option("--only", default="", help="Only situations whose id contains this: claude-code/tool-loop")
@click.option("--update", is_flag=True, help="Record those again that have a scenario.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache"), show_default=True)
def record_clients_command(file: Path, only: str, update: bool, cache: Path) -> None:
    """Put the real clients through every situation, before the baseline, and write the scenarios.

    Needs npm (Claude Code, openai-node), Java with Maven (openai-java), and pip (openai-python, anthropic-python).
    """
    console = Console()

    async def every_situation() -> int:
        settings = read_settings(file, {})
        await record_clients(settings, only, update, cache, lambda line: console.print(line, highlight=False))
        return 0

    run_to_its_exit_code(console, every_situation)


@click.command("schema")
def schema_command() -> None:
    """Print the JSON schema of the scenario files, as scenarios/scenario.schema.json has it for editors."""
    click.echo(json.dumps(json_schema(), indent=2))


RECORDING_COMMANDS = (record_command, record_clients_command, import_command, export_command, schema_command)
