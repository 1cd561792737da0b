"""Regressions of the candidate's process itself: what it prints, keeps, opens, and how long it takes to start."""

from __future__ import annotations

from harness.sabotage.sabotage import Face, Sabotage

LEAK = 8 * 1024 * 1024  # bytes for each request

ALL = (
    Sabotage("a key is printed in a log", "secrets in logs", "", Face.PROCESS),
    Sabotage("memory is kept for ever", "memory", "", Face.PROCESS),
    Sabotage("files are kept open for ever", "descriptors", "", Face.PROCESS),
    Sabotage("each call has a connection of its own", "upstream connections", "", Face.PROCESS),
    Sabotage("it starts slowly", "start time", "", Face.PROCESS),
)


def command(url: str, slow: float) -> tuple[str, ...]:
    """A program that has all of these flaws and passes everything on to the gateway at `url`; see `flawed`."""
    flaws = ("--slow", f"{slow:.0f}", "--leak", str(LEAK), "--log", "--hold")
    places = ("--port", "{flawed_port}", "--to", url, "--upstream", "{upstream}")
    return ("{python}", "-m", "harness.sabotage.flawed", *places, *flaws)
