"""The summary -> JUnit XML: one test case per scenario, and one per declaration that is no longer true."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from harness.model import Severity
from harness.report.junit_stages import Case, stages
from harness.report.places import shown, sides
from harness.report.summary import Summary

# Characters that XML 1.0 cannot hold, not even escaped (section 2.2, Char).
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {"different": "failure", "noisy": "error", "broken": "error"}
_COSMETIC_TAGS = {"differ": {"cosmetic": "failure"}}  # by what the run makes of cosmetic differences alone


def junit(result: Summary) -> str:
    return _text(_counted("parity", result), result["seconds"])


def whole_junit(result: Mapping[str, Any]) -> str:
    """A suite for each stage that was measured: the gate's lines, parity's scenarios, sabotage, clients, cookies, self.
    `result`: see `whole`."""
    parity, gate = result["parity"], result["gate"]
    root = _counted("gateway parity", parity) if parity else Element("testsuites", name="gateway parity")
    if gate:
        _gate(SubElement(root, "testsuite", name="gate"), gate["lines"])
    for name, cases in stages(result):
        _stage(SubElement(root, "testsuite", name=name), name, cases)
    for suite in root:
        _count(suite, [suite])
    _count(root, list(root))
    return _text(root, sum(each["seconds"] for each in (parity, gate) if each))


def _counted(name: str, result: Summary) -> Element:
    root = Element("testsuites", name=name)
    _scenarios(SubElement(root, "testsuite", name="scenarios"), result)
    if result["stale_declarations"]:
        _declarations(SubElement(root, "testsuite", name="declarations"), result["stale_declarations"])
    if result["excesses"]:
        _excesses(SubElement(root, "testsuite", name="processes"), result["excesses"])
    if result.get("problem"):
        case = SubElement(
            SubElement(root, "testsuite", name="run"), "testcase", classname="run", name="evidence", time="0"
        )
        SubElement(case, "error", type="no evidence", message=_legal(result["problem"]))
    for suite in root:
        _count(suite, [suite])
    _count(root, list(root))
    return root


def _text(root: Element, seconds: float) -> str:
    root.set("time", str(seconds))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _scenarios(suite: Element, result: Summary) -> None:
    properties = SubElement(suite, "properties")
    facts = [("run", result["run"]), ("seed", result["seed"]), ("verdict", result["verdict"])]
    facts += [(target["role"], f"{target['name']} {target['version']}") for target in result["targets"]]
    for name, value in facts:
        SubElement(properties, "property", name=_legal(name), value=_legal(str(value)))
    for scenario in result["scenarios"]:
        _scenario(SubElement(suite, "testcase"), scenario, _TAGS | _COSMETIC_TAGS.get(result.get("cosmetic", ""), {}))


def _scenario(case: Element, scenario: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    case.attrib |= {"classname": _legal(scenario["client"]), "name": _legal(scenario["id"]), "time": "0"}
    text = _legal("\n".join(_lines(scenario)))
    tag = tags.get(scenario["outcome"])
    if tag:
        SubElement(case, tag, type=scenario["outcome"], message=_legal(_message(scenario))).text = text
    elif text:
        SubElement(case, "system-out").text = text


def _message(scenario: Mapping[str, Any]) -> str:
    undeclared = [difference for difference in scenario["differences"] if difference["declared_by"] is None]
    cosmetic = sum(difference.get("severity") == Severity.COSMETIC for difference in undeclared)
    counts = [
        (len(undeclared) - cosmetic, "undeclared"),
        (cosmetic, "cosmetic"),
        (len(scenario["noise"]), "noise"),
        (len(scenario["musts"]), "broken musts"),
    ]
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    return ": ".join(part for part in (scenario["problem"], told) if part) or str(scenario["outcome"])


def _lines(scenario: Mapping[str, Any]) -> list[str]:
    lines = [scenario["problem"]] if scenario["problem"] else []
    for must in scenario["musts"]:
        found = "nothing" if must["absent"] else shown(must["found"])
        lines.append(f"{must['role']}: {must['path']} {must['check']} {shown(must['value'])}: found {found}")
    for title in ("differences", "noise"):
        for difference in scenario[title]:
            declared = f" (declared: {difference['declared_by']})" if difference["declared_by"] else ""
            severity = f", {difference['severity']}" if difference.get("severity") else ""
            lines.append(f"{title}: {difference['path']} {difference['kind']}{severity}{declared}")
            lines += [f"  {side}: {value}" for side, value in sides(difference)]
    return lines


def _declarations(suite: Element, stale: Sequence[Mapping[str, Any]]) -> None:
    for declaration in stale:
        case = SubElement(suite, "testcase", classname="declarations", name=_legal(declaration["id"]), time="0")
        message = f"{declaration['problem']}: {declaration['where']}"
        SubElement(case, "failure", type=declaration["problem"], message=_legal(message)).text = _legal(
            declaration["why"]
        )


def _excesses(suite: Element, excesses: Sequence[Mapping[str, Any]]) -> None:
    for excess in excesses:
        case = SubElement(suite, "testcase", classname="processes", name=_legal(excess["sense"]), time="0")
        SubElement(case, "failure", type=excess["sense"], message=_legal(excess["told"]))


def _gate(suite: Element, lines: Sequence[Mapping[str, Any]]) -> None:
    for line in lines:
        case = SubElement(suite, "testcase", classname="gate", name=_legal(line["metric"]), time="0")
        told = f"target {line['target']}, measured {shown(line['value'])} {line['unit']}".strip()
        tag = {"failed": "failure", "inconclusive": "error"}.get(line["verdict"])
        text = _legal("\n".join((told, line["measured_as"], line["why"], f"see {line['evidence']}")))
        if tag:
            SubElement(case, tag, type=line["verdict"], message=_legal(told)).text = text
        else:
            SubElement(case, "system-out").text = text


def _stage(suite: Element, name: str, cases: Sequence[Case]) -> None:
    for called, tag, told in cases:
        case = SubElement(suite, "testcase", classname=name, name=_legal(called), time="0")
        if tag:
            SubElement(case, tag, type=tag, message=_legal(told.partition("\n")[0])).text = _legal(told)
        else:
            SubElement(case, "system-out").text = _legal(told)


def _count(element: Element, suites: Sequence[Element]) -> None:
    counted = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error"}
    for name, path in counted.items():
        element.set(name, str(sum(len(suite.findall(path)) for suite in suites)))
    element.set("skipped", "0")


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
