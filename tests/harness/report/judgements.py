"""A judgement with one scenario of each outcome, for the tests of the reports."""

from dataclasses import replace
from pathlib import Path

from harness.model import (
    Absent,
    Broken,
    Declaration,
    Difference,
    Judgement,
    Kind,
    Must,
    Outcome,
    Request,
    Role,
    Scenario,
    Severity,
    Step,
    Verdict,
)

LOST = Difference("/client/0/response/headers/server", "uvicorn", Absent.ABSENT)
CHANGED = Difference("/client/0/response/body/error/message", "no | `such` model <x>", "other\nline \x1b[31m\ud800")
NULLED = Difference("/client/1/response/body/n", 1, None)
CAPITALS = Difference("/client/0/response/capitals/0", Absent.ABSENT, "X-A", severity=Severity.COSMETIC)
DECLARED = Declaration("server", "**/server", frozenset({Kind.MISSING}), "LiteLLM's own server.", "2026-11-23")
COSMETIC = Verdict("claude-code/cosmetic", Outcome.COSMETIC, unexplained=(CAPITALS,))
MUST = Must("/client/0/response/status", "equals", 200)

OUTCOMES = {
    "same": Verdict("claude-code/same", Outcome.SAME),
    "allowed": Verdict("claude-code/allowed", Outcome.ALLOWED, ((LOST, DECLARED),)),
    "different": Verdict("claude-code/different", Outcome.DIFFERENT, ((LOST, DECLARED),), (CHANGED, NULLED)),
    "noisy": Verdict("claude-code/noisy", Outcome.NOISY, noise=(CHANGED,)),
    "broken": Verdict("claude-code/broken", Outcome.BROKEN, broken=(Broken(Role.CANDIDATE, MUST, 500),)),
    "problem": Verdict("claude-code/problem", Outcome.BROKEN, problem="candidate: the target died"),
}


def scenario(name):
    return Scenario(
        name, "claude-code", f"It is | {name}", "scripted", ("stream", "tools"), (Step(Request("POST", "/")),)
    )


def judgement(*outcomes, **more):
    """Of these outcomes; without any, of all."""
    verdicts = tuple(COSMETIC if name == "cosmetic" else OUTCOMES[name] for name in outcomes or OUTCOMES)
    targets = (
        (Role.BASELINE, "binary", "LiteLLM 1.106.2"),
        (Role.AGAIN, "binary", "LiteLLM 1.106.2"),
        (Role.CANDIDATE, "sdk", "LiteLLM SDK 1.106.2"),
    )
    scenarios = tuple(scenario(verdict.scenario) for verdict in verdicts)
    whole = Judgement("2026-11-23-a1", 42, 12.345, targets, scenarios, verdicts, 30, 41, Path("reports/runs/a1"))
    return replace(whole, **more)
