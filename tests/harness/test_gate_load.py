from pathlib import Path

from harness.gate_load import Load, _plan
from harness.settings import read_settings


def test_every_window_has_the_key_that_the_target_was_started_with(tmp_path: Path) -> None:
    load = Load(read_settings(Path("harness.toml"), {}), tmp_path, tmp_path)
    keys = {_plan(load, level).credentials.key for level in (5, 50, 100)}
    assert keys == {load.credentials.key}


def test_a_few_more_calls_are_allowed_than_are_asked_to_be_at_the_upstream(tmp_path: Path) -> None:
    load = Load(read_settings(Path("harness.toml"), {}), tmp_path, tmp_path)
    assert _plan(load, 50).in_flight > 50 == _plan(load, 50).users
