from xml.etree import ElementTree

from harness.model import Excess
from harness.report.junit import junit
from harness.report.redaction import Redaction
from harness.report.summary import summary
from tests.harness.report.judgements import DECLARED, judgement


def written(*outcomes, **more):
    return ElementTree.fromstring(junit(summary(judgement(*outcomes, **more), Redaction())))


def case_of(root, name):
    (case,) = (case for case in root.iter("testcase") if case.get("name") == f"claude-code/{name}")
    return case


def test_each_scenario_is_a_case_and_the_counts_add_up():
    root = written()
    counts = {"tests": "6", "failures": "1", "errors": "3", "skipped": "0"}
    assert counts.items() <= root.attrib.items()
    assert counts.items() <= root.find("testsuite").attrib.items()
    assert {case.get("classname") for case in root.iter("testcase")} == {"claude-code"}


def test_a_difference_is_a_failure_and_no_judgement_is_an_error():
    root = written()
    different = case_of(root, "different").find("failure")
    assert different.get("message") == "2 undeclared"
    assert "/client/1/response/body/n type" in different.text
    assert case_of(root, "noisy").find("error").get("message") == "1 noise"
    assert "equals 200: found 500" in case_of(root, "broken").find("error").text
    assert case_of(root, "problem").find("error").get("message") == "candidate: the target died"


def test_a_cosmetic_difference_fails_only_where_it_counts():
    root = written("same", "cosmetic", "different")
    (output,) = case_of(root, "cosmetic")
    assert (output.tag, root.get("failures")) == ("system-out", "1")
    assert "/client/0/response/capitals/0 extra, cosmetic" in output.text
    strict = written("same", "cosmetic", cosmetic="differ")
    failure = case_of(strict, "cosmetic").find("failure")
    assert (failure.get("type"), failure.get("message"), strict.get("failures")) == ("cosmetic", "1 cosmetic", "1")


def test_a_run_without_an_upstream_exchange_is_an_error_of_its_own():
    root = written("same", exchanges_upstream=0)
    assert root.find("testsuite[@name='run']/testcase/error").get("message").startswith("0 upstream exchanges")
    assert root.get("errors") == "1"


def test_what_agrees_passes_and_shows_what_was_allowed():
    root = written()
    assert list(case_of(root, "same")) == []
    (output,) = case_of(root, "allowed")
    assert output.tag == "system-out"
    assert "(declared: server)" in output.text


def test_characters_that_xml_cannot_hold_are_written_as_escapes():
    verdict = judgement("problem").verdicts[0]
    root = written(
        verdicts=(type(verdict)(verdict.scenario, verdict.outcome, problem="a\x00b\ud800c\ufffe <&>"),),
        scenarios=judgement("problem").scenarios,
    )
    assert root.find(".//error").text == "a\\u0000b\\ud800c\\ufffe <&>"


def test_a_declaration_that_is_not_true_fails_as_a_case_of_its_own():
    root = written("same", unused=(DECLARED,))
    failure = root.find("testsuite[@name='declarations']/testcase[@name='server']/failure")
    assert failure.get("type") == "unused"
    assert root.get("failures") == "1"


def test_the_seed_and_the_versions_are_properties():
    properties = {p.get("name"): p.get("value") for p in written("same").iter("property")}
    assert properties["seed"] == "42"
    assert properties["baseline"] == "binary LiteLLM 1.106.2"


def test_what_a_process_does_worse_is_a_failure():
    text = junit(summary(judgement("same", excesses=(Excess("memory", "grew by 9 MiB a request"),)), Redaction()))
    (case,) = ElementTree.fromstring(text).findall(".//testcase[@classname='processes']")
    assert case.get("name") == "memory"
    assert "9 MiB" in case.find("failure").get("message")
