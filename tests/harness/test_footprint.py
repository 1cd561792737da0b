import pytest

from harness.errors import BadInput
from harness.footprint import FOOTPRINTS, leaked, read_footprints, store_footprints
from harness.model import Footprint, Role


def test_a_secret_in_a_log_is_told_by_its_name_once_for_each_log(tmp_path):
    one, other = tmp_path / "litellm.log", tmp_path / "proxy.log"
    one.write_text("started\n")
    other.write_text("Authorization: Bearer sk-1\nAuthorization: Bearer sk-1\n")
    assert [*leaked((one, other), {"sk-1": "<key>", "sk-2": "<OPENAI_API_KEY>"})] == ["proxy.log: <key>"]


def test_footprints_are_read_as_they_were_stored(tmp_path):
    candidate = Footprint(Role.CANDIDATE, 0.5, 1, 2, 3, ("a.log: <key>",), 4, 5, 6, 7)
    footprints = (Footprint(Role.BASELINE, 1.5, 1, 2, 3), candidate)
    store_footprints(footprints, tmp_path)
    assert read_footprints(tmp_path) == footprints


def test_a_run_from_before_footprints_has_none(tmp_path):
    assert read_footprints(tmp_path) == ()


@pytest.mark.parametrize("text", ["[{]", '[{"role": "nobody"}]', '{"role": "candidate"}', "[1]"])
def test_a_file_that_holds_no_footprints_is_named(tmp_path, text):
    (tmp_path / FOOTPRINTS).write_text(text)
    with pytest.raises(BadInput, match=FOOTPRINTS):
        read_footprints(tmp_path)
