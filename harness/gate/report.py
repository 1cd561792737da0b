"""The gate's lines -> gate.json, gate.md, junit.xml, and the rows of the terminal.

gate.json: `verdict` (READY, NOT READY, INCONCLUSIVE), `exit_code`, `lines[]`, `run`, `seconds`, `ended` (null, or why
the run did not come to its end), `made` (commit, dirty, config, litellm, at: see harness/provenance.py). A line:
`metric`, `target`, `value` (number, text, or null: not measured), `unit`, `noise` (number in the same unit, or null),
`verdict` (passed, failed, inconclusive), `measured_as`, `evidence` (a path below the reports' folder, a file, or a
command), `why` (text, may be empty), `beside` (figures for the reader).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from harness.gate.line import EXIT_CODES, METRICS, Line, verdict_of

HEADER = ("metric", "target", "measured", "noise", "verdict")
_MARKS = {"passed": "✅", "failed": "❌", "inconclusive": "❔"}
_TAGS = {"failed": "failure", "inconclusive": "error"}


@dataclass(frozen=True, slots=True)
class About:
    """Of which run the lines are."""

    run: str
    seconds: float
    made: Mapping[str, Any]
    ended: str | None = None


def gate_tree(lines: Sequence[Line], about: About) -> dict[str, Any]:
    verdict = verdict_of(lines)
    ordered = sorted(lines, key=lambda line: METRICS.index(line.metric))
    return {
        "verdict": verdict.value,
        "exit_code": EXIT_CODES[verdict],
        "run": about.run,
        "seconds": round(about.seconds, 1),
        "ended": about.ended,
        "made": dict(about.made),
        "lines": [_line(line) for line in ordered],
    }


def _line(line: Line) -> dict[str, Any]:
    first = {"metric": line.metric, "target": line.target}
    return {**first, **asdict(line), "verdict": line.verdict.value, "beside": dict(line.beside)}


def rows(tree: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """As texts, in the order of `HEADER`."""
    return [
        (one["metric"], one["target"], _value(one["value"], one["unit"]), _noise(one), one["verdict"])
        for one in tree["lines"]
    ]


def _value(value: float | str | None, unit: str) -> str:
    if value is None:
        return "not measured"
    told = (
        value if isinstance(value, str) else f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
    )
    return f"{told} {unit}".strip()


def _noise(one: Mapping[str, Any]) -> str:
    return "-" if one["noise"] is None else f"± {_value(one['noise'], one['unit'])}"


def gate_markdown(tree: Mapping[str, Any]) -> str:
    made = tree["made"]
    commit = str(made.get("commit") or "no commit")[:12]
    dirty = f", {made['dirty']} files not committed" if made.get("dirty") else ""
    lines = [
        f"# Gate: {tree['verdict']}",
        "",
        f"Commit {commit}{dirty}, configuration {str(made.get('config'))[:12]}, LiteLLM {made.get('litellm')};"
        f" run {tree['run']}, {tree['seconds']:.0f} s.",
        *(["", f"Isolation: {made['network']}."] if made.get("network") else []),
        *(["", f"**Not to its end:** {tree['ended']}"] if tree["ended"] else []),
        "",
        "| | " + " | ".join(HEADER) + " | measured as | where to look |",
        "|---" * (len(HEADER) + 3) + "|",
        *(_row(one, row) for one, row in zip(tree["lines"], rows(tree), strict=True)),
        "",
        *(f"* **{one['metric']}**: {_plain(one['why'])}" for one in tree["lines"] if one["why"]),
        "",
    ]
    return "\n".join(lines)


def _row(one: Mapping[str, Any], row: Sequence[str]) -> str:
    cells = (_MARKS[one["verdict"]], *row, one["measured_as"], one["evidence"])
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def gate_junit(tree: Mapping[str, Any]) -> str:
    """One test case a line: one that failed is a failure, one that is inconclusive an error."""
    verdicts = [one["verdict"] for one in tree["lines"]]
    root = Element("testsuites", name="gate")
    suite = SubElement(root, "testsuite", name="gate")
    for element in (root, suite):
        counts = {
            "tests": len(verdicts),
            "failures": verdicts.count("failed"),
            "errors": verdicts.count("inconclusive"),
        }
        for name, number in {**counts, "skipped": 0}.items():
            element.set(name, str(number))
        element.set("time", str(tree["seconds"]))
    for one in tree["lines"]:
        _case(SubElement(suite, "testcase", classname="gate", name=one["metric"], time="0"), one)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(case: Element, one: Mapping[str, Any]) -> None:
    told = f"target {one['target']}, measured {_value(one['value'], one['unit'])} ({_noise(one)})"
    text = _legal(f"{told}\n{one['measured_as']}\n{one['why']}\nsee {one['evidence']}")
    tag = _TAGS.get(one["verdict"])
    if tag:
        SubElement(case, tag, type=one["verdict"], message=_legal(told)).text = text
    else:
        SubElement(case, "system-out").text = text


def _legal(text: str) -> str:
    """Without the control characters that XML 1.0 cannot hold."""
    return "".join(each for each in text if each in "\n\t" or each >= " ")
