import json
import shlex
import subprocess

import pytest

from harness.model import Request
from harness.report.curl import curl


def test_the_command_sends_the_request_with_the_key_from_the_environment():
    headers = (("Host", "<host>"), ("Authorization", "Bearer <key>"), ("Content-Type", "application/json"))
    command = curl(Request("POST", "/v1/messages?beta=true", headers, b'{"text":"it\'s"}'), "http://127.0.0.1:8765")
    words = shlex.split(command)
    assert words[:4] == ["curl", "-isSN", "-X", "POST"]
    assert "http://127.0.0.1:8765/v1/messages?beta=true" in words
    assert "Authorization: Bearer $KEY" in words
    assert json.loads(words[-1]) == {"text": "it's"}
    assert "<host>" not in command


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/litellm", "http://127.0.0.1:9/litellm/"])
def test_the_command_asks_below_the_path_of_the_url(url):
    assert "http://127.0.0.1:9/litellm/v1/models" in shlex.split(curl(Request("GET", "/v1/models"), url))


@pytest.mark.parametrize("value", ["Bearer <key>", "<key>", "Bearer <key> it's"])
def test_a_shell_puts_the_key_in_its_place(value):
    command = curl(Request("GET", "/", (("X", value),)), "http://h").replace("curl ", "printf '%s\\n' ", 1)
    done = subprocess.run(["sh", "-c", command], env={"KEY": "sk-1"}, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"X: {value.replace('<key>', 'sk-1')}"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a\0b"])
def test_a_body_that_no_word_of_a_shell_can_hold_goes_another_way(body):
    command = curl(Request("POST", "/", (), body), "http://h").replace("curl", "cat; true", 1)
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout.startswith(body)


def test_head_is_asked_for_as_curl_does_it():
    assert shlex.split(curl(Request("HEAD", "/health"), "http://h")) == ["curl", "-isSN", "-I", "http://h/health"]
