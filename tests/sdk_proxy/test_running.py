import gc
import sys
from importlib import import_module

import pytest

from sdk_proxy.running import _imported_at_once


@pytest.fixture
def without_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "soundfile", raising=False)


@pytest.mark.usefixtures("without_sound")
def test_nothing_looks_for_garbage_and_no_sound_is_loaded_while_litellm_is_imported() -> None:
    with _imported_at_once():
        assert not gc.isenabled()
        assert not hasattr(import_module("soundfile"), "SoundFile")
    assert gc.isenabled()
    assert "soundfile" not in sys.modules  # whoever wants it now gets the real one


@pytest.mark.usefixtures("without_sound")
def test_an_import_that_fails_leaves_all_as_it_was() -> None:
    with pytest.raises(ImportError), _imported_at_once():
        raise ImportError
    assert gc.isenabled()
    assert "soundfile" not in sys.modules


def test_what_is_loaded_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", gc)
    with _imported_at_once():
        assert sys.modules["soundfile"] is gc
    assert sys.modules["soundfile"] is gc
