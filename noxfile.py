"""What can be done with this project: `nox -l` is the manual."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_missing_interpreters = True

LOCKED = "--constraint=constraints.txt"


def _install(session: nox.Session, *groups: str) -> None:
    named = [dependency for group in groups for dependency in nox.project.dependency_groups(_project(), group)]
    session.install(LOCKED, "--editable", ".", *named)


def _project() -> dict[str, object]:
    return nox.project.load_toml("pyproject.toml")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: style, and that the files are formatted."""
    session.install(LOCKED, *nox.project.dependency_groups(_project(), "lint"))
    session.run("ruff", "check", *(session.posargs or ["."]))
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict, over proxies, harness and tests."""
    _install(session, "tests", "types")
    session.install(LOCKED, "nox")
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite; no network beyond loopback. `nox -s tests -- -k stream` picks."""
    _install(session, "tests")
    session.run("pytest", *session.posargs)


@nox.session
def parity(session: nox.Session) -> None:
    """Replay the recorded traffic against both proxies, and judge: exit 0 they agree, 1 they differ, 2 no judgement."""
    _install(session)
    session.run("python", "-m", "harness", "parity", *session.posargs, success_codes=[0])
