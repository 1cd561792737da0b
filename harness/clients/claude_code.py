"""The real Claude Code, headless (`claude -p`), against any gateway."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.clients.program import Finished, bare_environment, install, run
from harness.errors import HarnessError

PACKAGE = "@anthropic-ai/claude-code"
VERSION = "2.1.330"
_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "IS_SANDBOX": "1",  # lets it run its tools without asking also where the user is root
}


async def installed(cache: Path) -> Path:
    """The program, installed with npm below `cache` unless it is there already."""
    folder = _place(cache)
    if not (found := _program(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        await install(("npm", "install", "--no-save", "--prefix", str(folder), f"{PACKAGE}@{VERSION}"), folder)
        found = _program(folder)
    if not found:
        raise HarnessError(f"{PACKAGE} {VERSION} has no program for this machine")
    return found


def _place(cache: Path) -> Path:
    return cache.absolute() / f"claude-code-{VERSION}"


def _program(folder: Path) -> Path | None:
    """The native one of this platform's package: the package's own start script wants a newer node than it needs."""
    return next((path for path in folder.glob(f"node_modules/{PACKAGE}-*/claude*") if path.stem == "claude"), None)


async def drive(
    claude: Path,
    base_url: str,
    key: str,
    prompts: Sequence[Sequence[str]],
    files: Mapping[str, str] | None = None,
) -> Finished:
    """`prompts`: the arguments of one `claude -p` after the other, in one conversation's folder and HOME, both new.

    `files` lie in the folder. Tools run without asking: let no answer ask for one that does harm.
    """
    with _folders(files or {}) as (home, work):
        env = {**bare_environment(home), **_QUIET, "ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_AUTH_TOKEN": key}
        said = [await run((str(claude), "-p", "--dangerously-skip-permissions", *one), env, work) for one in prompts]
    return Finished(said[-1][0], "".join(output for _, output in said), f"claude-cli {VERSION}")


@contextmanager
def _folders(files: Mapping[str, str]) -> Iterator[tuple[Path, Path]]:
    """A new HOME, and a new folder to work in."""
    with tempfile.TemporaryDirectory(prefix="claude-code-") as temporary:
        home, work = Path(temporary, "home"), Path(temporary, "work")
        home.mkdir()
        work.mkdir()
        for name, content in files.items():
            (work / name).write_text(content, encoding="utf-8")
        yield home, work
