"""The whole way, against gateways of one screen: what is broken on purpose is found, and named."""

import asyncio
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.journey import Watch, failed_last, plan_of, undecided
from harness.journey import parity as run_parity
from harness.model import Difference, Outcome, Verdict
from harness.observation import store
from harness.settings import read_settings
from harness.traffic.scenario_file import read_all
from tests.harness.isolation.test_namespace import without_namespaces
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "tests" / "harness" / "recordings"

SETTINGS = """
config = "config/config.yaml"
scenarios = "{scenarios}"
differences = "{differences}"
reports = "{reports}"
baseline = "plain"
candidate = "other"
patience = {patience}
environment = {{ KEY = "{{key}}", PROVIDER_KEY = "{{secret}}", MARK = "{mark}" }}

[targets.plain]
url = "http://127.0.0.1:{{port}}"
version = ["echo", "plain 1.0"]
[[targets.plain.processes]]
name = "gateway"
command = ["{{python}}", "-m", "tests.gateway", "--port", "{{port}}", "--upstream", "{{upstream}}"]
ready = "http://127.0.0.1:{{port}}/health"

[targets.other]
url = "http://127.0.0.1:{{port}}"
[[targets.other.processes]]
name = "other-gateway"
command = [
    "{{python}}", "-m", "tests.gateway", "--port", "{{port}}", "--upstream", "{{upstream}}", "--broken", "{broken}",
]
ready = "http://127.0.0.1:{{port}}/health"
"""


@pytest.fixture
def settings(tmp_path):
    """Writes the settings of a candidate that is broken in one way; its programs carry `mark` in their environment."""
    (tmp_path / "differences.toml").write_text("")

    def write(broken="nothing", scenarios=RECORDINGS):
        file = tmp_path / "harness.toml"
        places = {"scenarios": scenarios, "differences": tmp_path / "differences.toml", "reports": tmp_path / "reports"}
        patience = 1.0 if broken == "buffered" else PATIENCE  # only there it runs out
        file.write_text(SETTINGS.format(broken=broken, mark=tmp_path, patience=patience, **places))
        return file

    return write


def command(file, *options):
    return [sys.executable, "-m", "harness", "parity", "--settings", str(file), *options]


def parity(file, *options, within=()):
    return subprocess.run(
        [*within, *command(file, *options)], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def report(file):
    return json.loads((file.parent / "reports" / "latest" / "parity.json").read_text())


def processes_of(mark):
    """The programs of this machine that a run of this test has started."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"MARK={mark}".encode() in environ.read_bytes().split(b"\0"):
                found.append(environ.parent.name)
        except OSError:
            continue
    return found


def test_two_gateways_that_do_the_same_agree(settings):
    file = settings()
    done = parity(file, "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The proxies agree." in done.stdout
    result = report(file)
    assert (result["verdict"], result["exit_code"], result["seed"]) == ("the proxies agree", 0, 7)
    assert {"seconds", "targets", "scenarios", "totals"} <= result.keys()
    assert [target["version"] for target in result["targets"]] == ["plain 1.0", "plain 1.0", "unknown"]
    assert {scenario["outcome"] for scenario in result["scenarios"]} == {"same"}
    assert result["totals"]["exchanges_client"] == result["totals"]["exchanges_upstream"] == 4
    written = {path.name for path in (file.parent / "reports" / "latest").iterdir()}
    assert {"observations.ndjson", "parity.json", "parity.md", "junit.xml"} <= written
    assert processes_of(file.parent) == []


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ("header-lost", "/client/0/response/headers/request-id"),
        ("beta-changed", "/upstream/0/request/headers/anthropic-beta"),
        ("buffered", "/effects/withheld/0"),
        ("id-inconsistent", "/client/0/response/stream/events/1/data/id"),
    ],
)
def test_a_candidate_that_is_broken_on_purpose_is_found_and_the_place_is_named(settings, broken, place):
    file = settings(broken)
    done = parity(file)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "The proxies differ." in done.stdout
    assert place in {d["path"] for scenario in report(file)["scenarios"] for d in scenario["differences"]}


def test_targets_that_answer_400_to_everything_give_no_judgement_and_every_scenario_says_why(settings):
    file = settings("refusing")
    file.write_text(file.read_text().replace('"{upstream}"]', '"{upstream}", "--broken", "refusing"]'))
    done = parity(file)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "No judgement is possible." in done.stdout
    assert "0 upstream exchanges: no call of any scenario reached the simulated upstream" in done.stdout
    scenarios = report(file)["scenarios"]
    assert [scenario["outcome"] for scenario in scenarios] == ["broken"] * len(scenarios)
    for scenario in scenarios:
        assert scenario["problem"].startswith("no evidence: the baseline called no provider for the replies of step 0")
        assert re.search(r"it does not know the model '[a-z0-9-]+' \(400\)$", scenario["problem"])
        assert scenario["problem"] in done.stdout.replace("\n", " ")


def test_a_candidate_that_only_spells_its_json_otherwise_agrees_but_for_that_unless_it_must_not(settings):
    file = settings("cosmetic")
    done = parity(file)
    assert done.returncode == 0, done.stdout + done.stderr
    result = report(file)
    assert [scenario["outcome"] for scenario in result["scenarios"]] == ["same", "cosmetic"]
    assert result["totals"]["cosmetic"] == result["totals"]["undeclared"] == 2
    assert "The proxies agree, but for 2 cosmetic differences." in done.stdout
    strict = parity(file, "--cosmetic", "differ")
    assert strict.returncode == 1, strict.stdout + strict.stderr
    assert "The proxies differ, in " in strict.stdout


@pytest.mark.parametrize("name", ["plain", "twin"])
def test_the_baseline_beside_itself_agrees_whatever_is_declared_or_must_hold(settings, tmp_path, name):
    scenarios = tmp_path / "scenarios"
    shutil.copytree(RECORDINGS, scenarios)
    stream = scenarios / "curl" / "chat-stream.yaml"
    must = "    must:\n      - {path: /client/0/response/status, equals: 299}\n"
    stream.write_text(stream.read_text().replace("    upstream:\n", f"{must}    upstream:\n"))
    file = settings(scenarios=scenarios)
    plain = file.read_text().partition("[targets.plain]")[2].partition("[targets.other]")[0]
    twin = plain.replace("[targets.plain]", "[targets.twin]").replace("[[targets.plain.", "[[targets.twin.")
    file.write_text(f"{file.read_text()}\n[targets.twin]{twin}")
    (tmp_path / "differences.toml").write_text(
        """
        [[difference]]
        id = "of-another-pair"
        where = "/client/*/response/headers/server"
        kinds = ["missing"]
        why = "A difference that only another candidate has."
        since = 2026-11-23
        """
    )
    done = parity(file, "--candidate", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert parity(file).returncode == 2  # the other candidate is held to the musts


def test_a_difference_that_the_candidate_shows_once_counts_although_its_replays_agree(settings):
    file = settings("header-lost-once")
    assert parity(file).returncode == 1
    (different,) = [each for each in report(file)["scenarios"] if each["outcome"] == "different"]
    assert different["replays"] == 1
    assert {d["path"].rpartition("/")[2] for d in different["differences"]} <= {"request-id", "x-request-id"}


def test_a_run_that_was_interrupted_goes_on_with_what_it_has_observed(settings):
    file = settings()
    assert parity(file, "--seed", "5").returncode == 0
    reports = file.parent / "reports"
    whole = (reports / "latest" / "observations.ndjson").read_text().splitlines(keepends=True)
    unfinished = reports / ".unfinished"
    unfinished.mkdir()
    (unfinished / "observations.ndjson").write_text("".join(whole[:3]) + whole[3][:50])
    (unfinished / "plan.json").write_text(json.dumps({"seed": 5, "baseline": "plain", "candidate": "other"}))
    done = parity(file, "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    again = (reports / "latest" / "observations.ndjson").read_text().splitlines(keepends=True)
    assert again[:3] == whole[:3]
    assert (len(again), again[3:] != whole[3:], report(file)["seed"]) == (len(whole), True, 5)
    assert not unfinished.exists()


def test_a_path_in_a_targets_url_goes_before_the_path_of_every_request(settings):
    file = settings()
    below = file.read_text().replace('url = "http://127.0.0.1:{port}"', 'url = "http://127.0.0.1:{port}/litellm"')
    below = below.replace("{port}/health", "{port}/litellm/health").replace(
        '"{upstream}"', '"{upstream}", "--prefix", "/litellm"'
    )
    file.write_text(below)
    done = parity(file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report(file)["totals"]["exchanges_upstream"] == 4
    stored = (file.parent / "reports" / "latest" / "observations.ndjson").read_text()
    assert "/litellm" not in stored


@pytest.mark.parametrize("url", ["127.0.0.1:4000", "ftp://127.0.0.1", "http://127.0.0.1:4000/?a=b", "http://a:b@c"])
def test_a_targets_url_that_is_no_address_is_named(settings, url):
    file = settings()
    file.write_text(file.read_text().replace("http://127.0.0.1:{port}", url, 1))
    done = parity(file)
    assert done.returncode == 2, done.stdout + done.stderr
    told = done.stdout.replace("\n", " ")
    assert "targets/plain/url" in told
    assert "is no gateway's address: give one such as http://127.0.0.1:4000/litellm" in told


def test_a_candidate_that_is_late_on_every_tenth_stream_is_found_over_all_streams(settings, tmp_path):
    stream = (RECORDINGS / "curl" / "chat-stream.yaml").read_text()
    head, step = stream.partition("  - request:")[0], stream[stream.index("  - request:") :]
    (tmp_path / "scenarios" / "curl").mkdir(parents=True)
    for number in range(3):
        steps = "".join(step.replace("content: hi", f"content: stream {number} of {turn:02d}") for turn in range(12))
        (tmp_path / "scenarios" / "curl" / f"streams-{number}.yaml").write_text(head + steps)
    done = parity(settings("late-now-and-then", tmp_path / "scenarios"))
    assert done.returncode == 1, done.stdout + done.stderr
    result = report(tmp_path / "harness.toml")
    assert [excess["sense"] for excess in result["excesses"]] == ["late streams"]
    assert re.search(r"late streams: \d+ of \d+ streams came late", done.stdout)


def verdicts(outcome, count, *found, replays=0):
    return [Verdict(f"curl/{outcome}-{n}", outcome, unexplained=found, replays=replays) for n in range(count)]


def test_broken_scenarios_take_no_replays_from_those_that_differ_or_are_late():
    worse = Difference("/client/0/response/status", 200, 500)
    late = Difference("/client/0/response/late", 0.0, 2.0)
    broken, different = verdicts(Outcome.BROKEN, 94), verdicts(Outcome.DIFFERENT, 2, worse)
    lagging = verdicts(Outcome.DIFFERENT, 40, late)
    noisy = [Verdict(f"curl/noisy-{n}", Outcome.NOISY, noise=(worse,)) for n in range(30)]
    again = undecided([*broken, *different, *lagging, *noisy])
    assert {each.scenario for each in different} <= {*again}
    assert [sum(name.startswith(f"curl/{kind}-") for name in again) for kind in ("noisy", "broken")] == [12, 0]
    assert len(again) == 12 + 2 + 12
    assert len(undecided(verdicts(Outcome.BROKEN, 3))) == 3
    assert undecided(verdicts(Outcome.BROKEN, 3, replays=1)) == ()


def test_nothing_to_resume_is_exit_code_2(settings):
    done = parity(settings(), "--resume")
    assert done.returncode == 2
    assert "there is no interrupted run to resume" in done.stdout


def test_a_target_that_does_not_start_is_exit_code_2_with_the_end_of_its_log(settings):
    file = settings("dead")
    done = parity(file)
    assert done.returncode == 2
    assert "other-gateway" in done.stdout
    assert "the gateway cannot start: its configuration is broken on purpose" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert list((file.parent / "reports" / "runs").iterdir()) == []


def test_a_port_that_is_taken_is_exit_code_2_and_is_named(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = parity(settings(), "--candidate-port", str(port), within=without_namespaces())
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [("format: 2\n", "format"), ("steps: [\n", "bad.yaml:2"), ("format: 1\nformat: 1\n", "bad.yaml:2")],
)
def test_a_bad_scenario_file_is_exit_code_2_and_is_named(settings, tmp_path, text, told):
    bad = tmp_path / "scenarios" / "curl" / "bad.yaml"
    bad.parent.mkdir(parents=True)
    bad.write_text(text)
    done = parity(settings(scenarios=bad.parent.parent))
    assert done.returncode == 2
    assert "bad.yaml" in done.stdout
    assert told in done.stdout


def test_a_filter_that_leaves_nothing_is_exit_code_2(settings):
    done = parity(settings(), "-k", "no such scenario")
    assert done.returncode == 2
    assert "no scenario is left" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_leaves_no_process_and_no_half_written_report(settings, number):
    file = settings("buffered")
    run = await asyncio.create_subprocess_exec(*command(file), cwd=ROOT, stdout=subprocess.PIPE)
    try:
        await until(lambda: processes_of(file.parent) or run.returncode is not None)
        await asyncio.sleep(0.3)  # into the start, or the replay: wherever it is, the promise is the same
        os.kill(run.pid, number)
        output, _ = await asyncio.wait_for(run.communicate(), PATIENCE)
    finally:
        if run.returncode is None:
            run.kill()
    assert run.returncode == 130
    assert b"interrupted" in output
    assert processes_of(file.parent) == []
    assert list((file.parent / "reports" / "runs").iterdir()) == []


def test_no_secret_of_a_run_is_stored(settings):
    file = settings()
    assert parity(file).returncode == 0
    texts = [path.read_text() for path in (file.parent / "reports" / "latest").rglob("*") if path.is_file()]
    assert any("<key>" in text for text in texts)
    assert not any("sk-parity-" in text for text in texts)


def test_a_stored_run_is_judged_again_without_starting_anything(settings):
    file = settings("header-lost")
    assert parity(file).returncode == 1
    (file.parent / "differences.toml").write_text(
        """
        [[difference]]
        id = "request-id"
        where = "/client/*/response/headers/*request-id"
        kinds = ["missing"]
        why = "A difference that this test declares after the run."
        since = 2026-11-23
        """
    )
    again = [
        sys.executable,
        "-m",
        "harness",
        "compare",
        str(file.parent / "reports" / "latest"),
        "--settings",
        str(file),
    ]
    done = subprocess.run(again, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {d["declared_by"] for s in report(file)["scenarios"] for d in s["differences"]} == {"request-id"}


def test_what_failed_last_is_what_the_last_report_says(tmp_path):
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    (tmp_path / "latest").symlink_to(folder)
    scenarios = [{"id": f"curl/{outcome}", "outcome": str(outcome)} for outcome in Outcome]
    told = {"seed": 1, "seconds": 1.0, "targets": [], "scenarios": scenarios}
    (folder / "parity.json").write_text(json.dumps(told))
    assert failed_last(tmp_path) == {"curl/cosmetic", "curl/different", "curl/noisy", "curl/broken"}


# --- what goes wrong in the middle ----------------------------------------------------------------------------------


def limited(file, size, *options):
    """A run in which no file may become larger than that: what a full disk does, one file at a time."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        command(file, *options),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=limit,
    )


def test_a_disk_that_fills_up_while_observing_is_told_and_what_was_seen_is_resumed(settings):
    file = settings()
    done = limited(file, 9_000)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "observations.ndjson: cannot be written: File too large" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    kept = file.parent / "reports" / ".unfinished" / "observations.ndjson"
    seen = len([*store.whole(kept)])
    assert seen > 0
    assert processes_of(file.parent) == []
    assert parity(file, "--resume").returncode == 0


async def test_reports_that_cannot_be_written_lose_nothing_that_was_observed(settings):
    file = settings()
    plan = plan_of(read_settings(file, {}), read_all(RECORDINGS), 7, {}, whole=True)

    def full(*_):
        raise BadInput("cannot be written: No space left on device", "parity.json")

    with pytest.raises(BadInput, match=r"parity\.json: cannot be written"):
        await run_parity(plan, Watch(), full)
    assert len([*store.whole(file.parent / "reports" / ".unfinished" / "observations.ndjson")]) == 6
    told = []
    again = await run_parity(replace(plan, resume=True), Watch(), lambda *one: told.append(one))
    assert again.exit_code == 0
    assert len(again.verdicts) == 2
    assert len(told) == 1


def test_a_target_that_dies_in_the_middle_is_named_and_what_was_seen_is_kept(settings):
    file = settings("slow-death")
    done = parity(file)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "other-gateway ended" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert processes_of(file.parent) == []
    assert len([*store.whole(file.parent / "reports" / ".unfinished" / "observations.ndjson")]) > 0


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-20], "is not a whole line"),
        (lambda data: data.replace(b'"format":1', b'"format":9', 1), "format 9 is not known"),
        (lambda data: data.replace(b'"headers":[[', b'"headers":[[[', 1), "is not an observation"),
    ],
)
def test_stored_observations_that_are_damaged_are_named_with_their_line(settings, damage, told):
    file = settings()
    assert parity(file).returncode == 0
    stored = file.parent / "reports" / "latest" / "observations.ndjson"
    stored.write_bytes(damage(stored.read_bytes()))
    compare = [sys.executable, "-m", "harness", "compare", str(stored.parent), "--settings", str(file)]
    done = subprocess.run(compare, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(rf"observations\.ndjson:\d+: .*{told}", done.stdout.replace("\n", " ")), done.stdout
    assert "Traceback" not in done.stdout + done.stderr
