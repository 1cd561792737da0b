"""Regressions of the candidate's process itself: what it prints, keeps, and how long it takes to start."""

from __future__ import annotations

from harness.sabotage.sabotage import Face, Sabotage

LEAK = 8 * 1024 * 1024  # bytes for each request

ALL = (
    Sabotage("a key is printed in a log", "secrets in logs", "", Face.PROCESS),
    Sabotage("memory is kept for ever", "memory", "", Face.PROCESS),
    Sabotage("it starts slowly", "start time", "", Face.PROCESS),
)


def command(url: str, slow: float) -> tuple[str, ...]:
    """A program that has all three flaws and passes everything on to the gateway at `url`; see `flawed`."""
    flaws = ("--slow", f"{slow:.0f}", "--leak", str(LEAK), "--log")
    return ("{python}", "-m", "harness.sabotage.flawed", "--port", "{flawed_port}", "--to", url, *flaws)
