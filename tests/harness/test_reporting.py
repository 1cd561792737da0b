import base64
import gzip
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.errors import BadInput
from harness.report.redaction import Redaction
from harness.reporting import report, report_beside
from harness.settings import read_settings
from tests.harness.report.runs import EVIL, gate, load, measured, stored

ROOT = Path(__file__).parents[2]


def settings(reports):
    return read_settings(ROOT / "harness.toml", {"reports": str(reports)})


@pytest.fixture
def reports(tmp_path):
    stored(tmp_path, 6)
    measured(tmp_path, "gate", gate())
    measured(tmp_path, "load", load())
    return tmp_path


def packed_in(page, name):
    found = re.search(rf'id="blob-{name}">([^<]*)<', page)
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found.group(1))))


def test_the_latest_run_has_the_page_and_its_content_as_markdown_json_and_junit(reports):
    files = report(settings(reports))
    assert [file.name for file in files] == ["parity.html", "summary.md", "summary.json", "summary.xml"]
    assert all(file.parent == reports / "latest" for file in files)


def test_what_other_runs_have_measured_is_in_it(reports):
    *_, tree, junit = report(settings(reports))
    whole = json.loads(tree.read_text())
    assert whole["gate"]["verdict"] == "INCONCLUSIVE" and whole["load"]["metrics"] and whole["sabotage"] is None
    assert {one["name"]: one["file"] for one in whole["measured"]}["load"] == "runs/20261123-080000-bbbb/load.json"
    suites = {suite.get("name"): suite for suite in ElementTree.parse(junit).getroot()}
    assert suites["gate"].get("errors") == "1" and suites["scenarios"].get("failures") == "1"


def test_the_same_is_in_markdown(reports):
    text = report(settings(reports))[1].read_text()
    assert text.startswith("# INCONCLUSIVE\n")
    assert "**different** `claude-code/scenario-0`: changed `/client/0/response/body/text`" in text
    assert "| memory | \\< 2 % | not measured |" in text
    assert "Not measured: run `nox -s sabotage`." in text


def test_what_a_shadow_saw_of_production_is_in_the_page_and_in_markdown(reports):
    way = {"outcome": "different", "places": ["/client/*/response/status"], "calls": 7}
    told = {"told": "9 calls judged: 2 same, 7 different", "judged": 9, "outcomes": {"same": 2, "different": 7}}
    measured(reports, "shadow", {**told, "not_judged": {}, "ways": [way]})
    page, text, *_ = (file.read_text() for file in report(settings(reports)))
    assert "9 calls judged: 2 same, 7 different." in page and "<code>/client/*/response/status</code>" in page
    assert "* **different**, 7 calls: `/client/*/response/status`" in text


def test_the_page_needs_nothing_but_itself(reports):
    page = report(settings(reports))[0].read_text()
    assert (
        re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!#|data:)[^"')\s>]+""", page.partition("<script>var uPlot")[0])
        == []
    )
    assert "default-src 'none'" in page


def test_what_was_on_the_wire_is_no_markup(reports):
    page = report(settings(reports))[0].read_text()
    assert EVIL not in page
    assert page.count("</script>") == page.count("<script")


def test_each_scenario_has_what_it_opens(reports):
    page = report(settings(reports))[0].read_text()
    details = packed_in(page, "details")["details"]
    assert next(iter(details)) == "claude-code/scenario-0"
    assert {name for name, *_ in details["claude-code/scenario-0"]["faces"]} == {
        "client, step 0",
        "upstream, call 0",
        "side effects",
    }
    assert details["claude-code/scenario-0"]["lines"] == {"baseline": 1, "candidate": 3}


def test_secrets_leave_neither_the_page_nor_what_is_packed_into_it(tmp_path):
    stored(tmp_path, 2, words="sk-very-secret-indeed")
    files = report(settings(tmp_path), Redaction(["sk-very-secret-indeed", "error rate"]))
    page = files[0].read_text()
    told = [file.read_text() for file in files] + [json.dumps(packed_in(page, name)) for name in ("rows", "details")]
    assert not any("sk-very-secret" in text for text in told)
    assert "***" in told[-1]


def test_the_clients_that_the_gate_has_driven_are_listed(reports):
    one = {"client": "curl", "version": "8.11", "situations": 4, "wrong": [], "missing": ""}
    absent = {**one, "client": "openai-java", "missing": "there is no Maven"}
    measured(reports, "clients", {"clients": [one, absent]})
    page, markdown, *_ = report(settings(reports))
    assert "there is no Maven" in page.read_text()
    assert "* curl 8.11: 4 situations, all as they should be" in markdown.read_text()


def test_a_scenario_without_observations_is_still_listed(reports):
    (reports / "latest" / "observations.ndjson").unlink()
    page = report(settings(reports))[0].read_text()
    assert len(packed_in(page, "rows")["rows"]) == 6
    assert packed_in(page, "details")["details"]["claude-code/scenario-0"]["faces"] == []


def test_what_is_stored_in_another_shape_is_told_and_changes_no_measurement(reports):
    measured(reports, "gate", gate(lines=[{"metric": "error rate"}]))
    told = []
    assert report_beside(settings(reports), told.append) == ()
    assert "parity.html: cannot be made" in told[0]


def test_without_any_run_there_is_nothing_to_report(tmp_path):
    with pytest.raises(BadInput, match="there is no run yet"):
        report(settings(tmp_path))
