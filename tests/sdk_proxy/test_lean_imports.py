import gc
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

from sdk_proxy import lean_imports as module
from sdk_proxy.lean_imports import lean_imports
from tests.waiting import PATIENCE


@pytest.fixture
def without_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "soundfile", raising=False)


@pytest.mark.usefixtures("without_sound")
def test_nothing_looks_for_garbage_and_no_sound_is_loaded_while_litellm_is_imported() -> None:
    with lean_imports():
        assert not gc.isenabled()
        assert not hasattr(import_module("soundfile"), "SoundFile")
    assert gc.isenabled()
    assert "soundfile" not in sys.modules  # whoever wants it now gets the real one


@pytest.mark.usefixtures("without_sound")
def test_an_import_that_fails_leaves_all_as_it_was() -> None:
    before = [*sys.meta_path]
    with pytest.raises(ImportError), lean_imports():
        raise ImportError
    assert gc.isenabled()
    assert "soundfile" not in sys.modules
    assert sys.meta_path == before
    assert "defer_build" not in BaseModel.model_config


def test_what_is_loaded_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", gc)
    with lean_imports():
        assert sys.modules["soundfile"] is gc
    assert sys.modules["soundfile"] is gc


def test_a_model_of_that_time_is_made_ready_when_it_is_used() -> None:
    with lean_imports():

        class Late(BaseModel):
            number: int

    assert not Late.__pydantic_complete__
    assert Late.model_validate({"number": "7"}).number == 7
    assert Late.__pydantic_complete__


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "_ONLY_RE_EXPORT", ("re_exports",))
    package = tmp_path / "re_exports"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(
        '"""Names."""\n'
        "from __future__ import annotations\n"
        "from json import loads as read\n"
        "from . import plain\n"
        "from .inner import deep as deeper\n"
        "from .other import One, Two\n"
        '__all__ = ["One"]\n'
    )
    (package / "plain.py").write_text("VALUE = 1\n")
    (package / "other.py").write_text("class One: ...\nclass Two: ...\n")
    (package / "inner" / "__init__.py").write_text("deep = 2\nMORE = [deep]\n")
    return package


@pytest.fixture(autouse=True)
def forgotten() -> object:
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "re_exports"]:
        del sys.modules[name]


@pytest.mark.usefixtures("library")
def test_a_package_that_only_re_exports_gives_each_name_when_it_is_asked_for_it() -> None:
    with lean_imports():
        package = import_module("re_exports")
        assert "re_exports.other" not in sys.modules
    assert package.One is import_module("re_exports.other").One
    assert "re_exports.inner" not in sys.modules
    assert package.deeper == 2
    assert package.plain is import_module("re_exports.plain")
    assert package.read("[1]") == [1]
    assert package.other is import_module("re_exports.other")


@pytest.mark.usefixtures("library")
def test_its_names_and_modules_are_imported_from_it_as_ever() -> None:
    with lean_imports():
        import_module("re_exports")
    found: dict[str, object] = {}
    exec("from re_exports import Two, other, plain\nfrom re_exports.inner import deep", found)
    assert found["Two"] is sys.modules["re_exports.other"].Two
    assert found["other"] is sys.modules["re_exports.other"]
    assert found["deep"] == 2


@pytest.mark.usefixtures("library")
def test_all_of_its_names_at_once_are_imported_as_ever() -> None:
    with lean_imports():
        import_module("re_exports")
    found: dict[str, object] = {}
    exec("from re_exports import *", found)
    assert {"One", "Two", "plain", "deeper", "read"} <= found.keys()


@pytest.mark.usefixtures("library")
def test_a_name_that_it_has_not_is_an_error_as_ever() -> None:
    with lean_imports():
        package = import_module("re_exports")
    with pytest.raises(AttributeError, match="module 're_exports' has no attribute 'three'"):
        _ = package.three
    with pytest.raises(ImportError):
        exec("from re_exports import three")


@pytest.mark.parametrize(
    "more", ["VALUE = 1", "from .other import *", "import json", "if True: from .other import One"]
)
def test_one_that_does_more_is_imported_as_ever(library: Path, more: str) -> None:
    file = library / "__init__.py"
    file.write_text(f"{file.read_text()}{more}\n")
    with lean_imports():
        assert "One" in vars(import_module("re_exports"))


def test_all_names_of_the_real_packages_are_there() -> None:
    """In a process of its own: here they are loaded already."""
    code = """
from importlib import import_module
from sdk_proxy.lean_imports import lean_imports
with lean_imports():
    packages = [import_module(name) for name in ("openai.types", "openai.types.chat", "openai.types.beta", "mcp")]
assert [type(each).__name__ for each in packages] == ["_LateModule"] * 4, packages
for each in packages:
    for name in vars(each)["__late__"]:
        getattr(each, name)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert told.returncode == 0, told.stderr
