from pathlib import Path

import pytest

from deploy.programs import BadInput
from deploy.state import known_sockets, only_one, sockets_folder, state_folder


def test_each_production_port_has_a_state_of_its_own(tmp_path: Path) -> None:
    assert state_folder(9000, {"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "run-proxies" / "9000"
    assert state_folder(9000, {}) == Path.home() / ".local/state/run-proxies/9000"


def test_a_port_has_one_launcher_and_the_second_is_told_which(tmp_path: Path) -> None:
    with only_one(tmp_path, 9000), pytest.raises(BadInput, match=r"a launcher \(pid \d+\) has port 9000 already"):  # noqa: SIM117
        with only_one(tmp_path, 9000):
            pass
    with only_one(tmp_path, 9000):
        pass


def test_the_next_launcher_finds_the_sockets_of_the_last_one(tmp_path: Path) -> None:
    folder = sockets_folder(tmp_path)
    assert (sockets_folder(tmp_path), folder.stat().st_mode & 0o777) == (folder, 0o700)
    folder.chmod(0o755)
    assert known_sockets(tmp_path) is None
    folder.rmdir()
