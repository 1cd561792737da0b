"""How libraries are imported that are larger than what is used of them: sooner, and in less memory.

* Nobody looks for garbage, of which an import leaves little (a second of LiteLLM's).
* Pydantic's models are made ready when they are first used, which most of LiteLLM's never are.
* A package that only re-exports (`openai.types`: 450 modules, `mcp`: 100) gives each name when it is asked for it.
* What reads sound files (numpy) is not loaded: LiteLLM reads some when it logs a transcription that it passes on
  (transcribe_passthrough_logging_handler.py, 1.106.2), a route that is not here. Nor is httpx's command line.
"""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from pydantic import BaseModel

_ONLY_RE_EXPORT = ("openai.types", "openai.resources", "mcp")
_Names = Mapping[str, tuple[str, int, str]]  # the module, how many packages up (0: from the top), the name there


@contextmanager
def lean_imports() -> Iterator[None]:
    """Within the block. All is as it was then, but for the packages that were imported."""
    # None: httpx does without its command line (httpx/__init__.py, 0.28)
    stands_in: dict[str, ModuleType | None] = {"soundfile": ModuleType("soundfile"), "httpx._main": None}
    stands_in = {name: module for name, module in stands_in.items() if name not in sys.modules}
    finder = _Finder()
    sys.modules.update(stands_in)  # type: ignore[arg-type]  # None is what says that there is none
    sys.meta_path.insert(0, finder)
    BaseModel.model_config["defer_build"] = True
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        del BaseModel.model_config["defer_build"]
        sys.meta_path.remove(finder)
        for name in stands_in:
            del sys.modules[name]


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None, where the others shall look: only of a package is it known what it re-exports."""
        if not any(f"{fullname}.".startswith(f"{package}.") for package in _ONLY_RE_EXPORT):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or not spec.submodule_search_locations or not isinstance(spec.loader, SourceFileLoader):
            return None
        names = _re_exported(ast.parse(spec.loader.get_data(spec.loader.path)))
        if names is None:
            return None
        spec.loader = _Late(names)
        return spec


def _re_exported(source: ast.Module) -> _Names | None:
    """None: it does more than that."""
    names: dict[str, tuple[str, int, str]] = {}
    for statement in source.body:
        match statement:
            case ast.ImportFrom(module="__future__") | ast.Expr(ast.Constant()):
                pass
            case ast.Assign([ast.Name("__all__")]):
                pass
            case ast.ImportFrom(module, aliases, level) if aliases[0].name != "*":
                names |= {each.asname or each.name: (module or "", level, each.name) for each in aliases}
                if module and level == 1:  # what is imported from a module leaves it there, too
                    own = module.partition(".")[0]
                    names.setdefault(own, ("", 1, own))
            case _:
                return None
    return names


class _Late(Loader):
    def __init__(self, names: _Names) -> None:
        self._names = names

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _LateModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(__late__=self._names, __all__=[name for name in self._names if not name.startswith("_")])


class _LateModule(ModuleType):
    def __getattr__(self, name: str) -> object:
        """PEP 562, for a package that does not do it itself."""
        known: _Names = vars(self).get("__late__", {})
        if name not in known:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module, level, original = known[name]
        if not module:
            return import_module(f"{'.' * level}{original}", self.__name__)
        value = getattr(import_module(f"{'.' * level}{module}", self.__name__), original)
        setattr(self, name, value)
        return value
