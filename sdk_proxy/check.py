"""python -m sdk_proxy check config.yaml: what becomes of each key of that file."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from sdk_proxy.config_check import Finding, Verdict, examined
from sdk_proxy.config_file import key_of
from sdk_proxy.config_parser import ProxyConfig, parse

_COLOURS: dict[Verdict, str] = {"honoured": "green", "ignored": "yellow", "unset": "magenta", "refused": "red"}


def check(file: Path) -> list[Finding]:
    """What a start says, and what only LiteLLM itself knows. Raises ConfigError. It sets LiteLLM up for good."""
    examined(file, os.environ)  # a mistake in the file is told before LiteLLM is imported, which takes seconds
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # the prices it came with: no network is needed
    from sdk_proxy.litellm_router import is_known  # noqa: PLC0415 - see above

    config, found = examined(file, os.environ, is_known)
    if any(finding.verdict == "refused" for finding in found):
        return found
    told = {key: (verdict, why) for key, verdict, why in _told_by_litellm(parse(config, os.environ))}
    elsewhere = [Finding(file, 1, key, *told[key]) for key in set(told) - {finding.key for finding in found}]
    for key, (verdict, why) in told.items():
        found = [replace(each, verdict=verdict, why=why) if each.key == key else each for each in found]
    return found + elsewhere


def _told_by_litellm(config: ProxyConfig) -> Iterator[tuple[str, Verdict, str]]:
    from sdk_proxy import litellm_router  # noqa: PLC0415 - see above
    from sdk_proxy.not_served import unserved_route  # noqa: PLC0415 - see above

    logging.disable()  # LiteLLM's log says the same, with the values
    try:
        litellm_router.configure(config)
        litellm_router.build_router(config)
    except litellm_router.SettingError as error:
        yield key_of(error.place), "refused", error.why
    for index, deployment in enumerate(config.deployments):
        why = litellm_router.left_out(deployment)
        if not why and not litellm_router.names_a_provider(deployment):
            why = "model: names no provider that LiteLLM knows: write provider/model"
        if why:
            yield f"model_list.{index}.litellm_params", "ignored", f"LiteLLM serves without this deployment: {why}"
        elif path := unserved_route(deployment):
            yield f"model_list.{index}.litellm_params", "ignored", f"is for {path}: only LiteLLM's own proxy serves it"


def show(found: Sequence[Finding], console: Console) -> None:
    """A table on a terminal, aligned lines where it is piped."""
    if console.is_terminal:
        console.print(_table(found))
    else:
        for row in _lines(found):
            click.echo(row)
    counts = Counter(finding.verdict for finding in found)
    click.echo(", ".join(f"{counts[verdict]} {verdict}" for verdict in _COLOURS))


def _table(found: Sequence[Finding]) -> Table:
    table = Table("line", Column("key", overflow="fold"), "verdict", "why", header_style="bold")
    for each in found:
        table.add_row(str(each.line), Text(each.key), Text(each.verdict, _COLOURS[each.verdict]), Text(each.why))
    return table


def _lines(found: Sequence[Finding]) -> Iterator[str]:
    rows = [(f"{each.file}:{each.line}", each.key, each.verdict, each.why) for each in found]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for *cells, why in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), why]).rstrip()
