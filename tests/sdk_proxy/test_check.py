"""In processes of their own: what LiteLLM is told stays with it."""

import os
import subprocess
import sys
from pathlib import Path

SECRET = "sk-nobody-may-see-this"
FILE = """\
model_list:
  - {model_name: a, litellm_params: {model: openai/x, api_key: os.environ/KEY, rpm: many}}
  - {model_name: b, litellm_params: {model: unheard-of, api_key: os.environ/KEY}}
  - {model_name: "*", litellm_params: {model: "*", api_key: os.environ/KEY}, tpm: 3}
litellm_settings: {unheard_of: 1, drop_params: true}
router_settings: {unheard_of: 1, num_retries: 3, fallbacks: [{a: [b]}]}
"""
WITHOUT = "LiteLLM serves without this deployment: "


def checked(folder: Path, text: str, *options: str) -> tuple[int, dict[str, str], str]:
    """Its exit code, what it says of each key, and all that it says."""
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    environ = {**os.environ, "KEY": SECRET, "LITELLM_MASTER_KEY": SECRET}
    command = [sys.executable, "-m", "sdk_proxy", "check", str(file), *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=600, check=False)
    said = done.stdout + done.stderr
    assert SECRET not in said and "Traceback" not in said
    lines = [line.removeprefix(f"{file}:").split(maxsplit=2) for line in done.stdout.splitlines()[:-1]]
    return done.returncode, {key: f"{line} {verdict}" for line, key, verdict in lines}, said


def test_each_key_is_told_with_its_line_and_what_litellm_does_with_it(tmp_path):
    code, keys, said = checked(tmp_path, FILE)
    assert code == 0
    assert (
        keys["model_list.0.litellm_params"]
        == f"2 ignored   {WITHOUT}rpm: Input should be a valid integer, unable to parse string as an integer"
    )
    assert keys["model_list.1.litellm_params"].startswith(f"3 ignored   {WITHOUT}model: names no provider")
    assert keys["model_list.2.litellm_params"] == "4 honoured"
    assert keys["model_list.2.tpm"].startswith("4 ignored   unknown: LiteLLM ignores it too")
    for section, line in (("litellm_settings", 5), ("router_settings", 6)):
        assert keys[f"{section}.unheard_of"] == f"{line} ignored   unknown: LiteLLM ignores it too"
    assert (keys["router_settings.fallbacks"], keys["litellm_settings.drop_params"]) == ("6 honoured", "5 honoured")
    assert said.splitlines()[-1] == "18 honoured, 5 ignored, 0 unset, 0 refused"


def test_what_litellm_does_not_start_with_is_refused(tmp_path):
    code, keys, _ = checked(tmp_path, FILE.replace("[{a: [b]}]", "[a]"))
    assert code == 2
    assert keys["router_settings.fallbacks"] == "6 refused   Item 'a' is not a dictionary."


MISSING = FILE.replace('os.environ/KEY}}\n  - {model_name: "*"', 'os.environ/A}}\n  - {model_name: "*"').replace(
    "1,", "os.environ/B,"
)


def test_each_variable_that_is_not_set_is_told_and_each_key_judged_all_the_same(tmp_path):
    code, keys, said = checked(tmp_path, MISSING)
    assert (code, keys["model_list.1.litellm_params.api_key"]) == (0, "3 unset     A")
    assert keys["litellm_settings.unheard_of"] == "5 unset     B"
    assert keys["model_list.0.litellm_params"].startswith(f"2 ignored   {WITHOUT}rpm: ")
    assert " 3 unset, 0 refused" in said.splitlines()[-1]


def test_strict_refuses_a_file_with_a_variable_that_is_not_set(tmp_path):
    assert [checked(tmp_path, text, "--strict")[0] for text in (FILE, MISSING)] == [0, 2]


SOUND_AND_PICTURES = """\
model_list:
  - {model_name: speech, litellm_params: {model: openai/gpt-4o-mini-tts}, model_info: {mode: audio_speech}}
  - {model_name: hearing, litellm_params: {model: openai/gpt-4o-transcribe}, model_info: {mode: audio_transcription}}
  - {model_name: picture, litellm_params: {model: openai/gpt-image-1}, model_info: {mode: image_generation}}
  - {model_name: order, litellm_params: {model: cohere/rerank-english-v3.0}}
"""


def test_a_deployment_is_honoured_where_a_route_serves_it_and_only_there(tmp_path):
    code, keys, _ = checked(tmp_path, SOUND_AND_PICTURES)
    places = [keys[f"model_list.{index}.litellm_params"] for index in range(4)]
    assert (code, places) == (
        0,
        ["2 honoured", "3 honoured", "4 honoured", "5 ignored   is for /v1/rerank: only LiteLLM's own proxy serves it"],
    )
