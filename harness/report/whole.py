"""Everything that was measured -> the one tree that all reports of it are made from. Pure.

verdict {word, tone, told}, doubts[], measured[], and each measurement's own tree by its name, null where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.report.collected import MEASURED, Measurement
from harness.report.doubts import Doubt, doubts

_TONES = {"READY": "good", "NOT READY": "bad", "INCONCLUSIVE": "unsure"}
_EXIT_TONES = {0: "good", 1: "bad", 2: "unsure"}


def whole(
    found: Mapping[str, Measurement],
    stale: Mapping[str, Sequence[str]],
    now: Mapping[str, Any],
    library: int,
    history: Sequence[Mapping[str, Any]] = (),
    unreadable: Sequence[str] = (),
) -> dict[str, Any]:
    """`stale`: what has changed since each was measured; `now`: commit, configuration, LiteLLM; `library`: how many
    scenarios there are."""
    trees = {name: each.tree for name, each in found.items()}
    parts = found["gate"].parts if "gate" in found else {}
    doubted = doubts(trees, stale, int(now.get("dirty") or 0), library)
    doubted += [Doubt("unreadable report", f"{told}.", "delete it, or measure again") for told in unreadable]
    return {
        "verdict": _verdict(trees, stale),
        "now": dict(now),
        "doubts": [asdict(doubt) for doubt in doubted],
        "measured": [_measured(name, found.get(name), stale.get(name, ())) for name in MEASURED],
        **{name: trees.get(name) for name in MEASURED},
        "gate_load": parts.get("gate-load"),
        "clients": parts.get("clients"),
        "history": list(history),
    }


def _verdict(trees: Mapping[str, Mapping[str, Any]], stale: Mapping[str, Sequence[str]]) -> dict[str, str]:
    if "gate" in trees:
        word, name = str(trees["gate"].get("verdict")), "gate"
        told, tone = _gate_told(trees["gate"]), _TONES.get(word, "unsure")
    elif "parity" in trees:
        name, code = "parity", trees["parity"].get("exit_code")
        word = f"{trees['parity'].get('verdict')}".capitalize()
        told, tone = (
            "Parity alone: the gate was not run.",
            _EXIT_TONES.get(code if isinstance(code, int) else 2, "unsure"),
        )
    else:
        return {"word": "Nothing was measured", "tone": "unsure", "told": "Run nox -s parity, then nox -s gate."}
    if stale.get(name):
        doubtful = "unsure" if tone == "good" else tone
        return {"word": word, "tone": doubtful, "told": f"{told} Stale: {'; '.join(stale[name])}."}
    return {"word": word, "tone": tone, "told": told}


def _gate_told(gate: Mapping[str, Any]) -> str:
    lines = [line for line in gate.get("lines", ()) if isinstance(line, dict)]
    passed = sum(tone_of(str(line.get("verdict"))) == "good" for line in lines)
    return f"{passed} of {len(lines)} targets are met."


def tone_of(verdict: str | None) -> str:
    """good, bad or unsure: what a colour may say."""
    word = (verdict or "").lower()
    if word in {"passed", "pass", "met", "ready", "ok", "same", "allowed", "caught", "better", "equal", "yes"}:
        return "good"
    if word in {"failed", "fail", "missed", "not met", "not ready", "different", "escaped", "worse", "no"}:
        return "bad"
    return "unsure"


def _measured(name: str, one: Measurement | None, stale: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "command": MEASURED[name],
        "at": one.at if one else None,
        "run": one.run if one else None,
        "file": f"runs/{one.run}/{name}.json" if one else None,
        "stale": list(stale) if one else [],
        "network": str((one.made or {}).get("network") or "") if one else "",
    }
