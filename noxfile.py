"""What can be done with this project: `nox -l` is the manual."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

LOCKED = "--constraint=constraints.txt"
OLDER = "1.100.5"  # of LiteLLM: what `nox -s versions` compares with, unless it is told another
PROJECT = nox.project.load_toml("pyproject.toml")


def _group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: the rules, and the format."""
    session.install(LOCKED, *_group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict: proxies, harness, tests."""
    session.install(LOCKED, "--editable", ".", *_group("tests"), *_group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests; no network beyond loopback. `nox -s tests -- -k stream` picks some."""
    session.install(LOCKED, "--editable", ".", *_group("tests"))
    # A worker that dies ends the run: in the place of a new one xdist waits for ever.
    _run(session, "pytest", "--numprocesses=2", "--dist=loadfile", "--max-worker-restart=0", *session.posargs)


@nox.session
def parity(session: nox.Session) -> None:
    """Replay the recorded traffic against both proxies and judge. Exit 0: they agree, 1: not, 2: no judgement."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "parity")


@nox.session
def parity_configs(session: nox.Session) -> None:
    """Parity on the further configurations of tests/parity: the first that does not agree ends it."""
    session.install(LOCKED, "--editable", ".")
    further = "tests/parity/differences.toml"
    ours = "scenarios/differences.toml"
    configurations = (("errors", ours), ("routing", further), ("parameters", further), ("routes", ours))
    for folder, declared in configurations:
        place = f"tests/parity/{folder}"
        files = ("--config", f"{place}/config.yaml", "--scenarios", f"{place}/scenarios")
        # Reports of their own: what is read of `reports` is about our own configuration.
        own = ("--differences", declared, "--reports", f"reports/configurations/{folder}")
        _harness(session, "parity", *own, *files)


@nox.session
def mutations(session: nox.Session) -> None:
    """Parity on 400 answers of providers with a mistake in each, other ones each time. Exit 1: the proxies differ."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "parity", "--mutated", "400", "--reports", "reports/mutations")


@nox.session
def versions(session: nox.Session) -> None:
    """This LiteLLM against another: `nox -s versions -- 1.100.5 -k chat`. Exit 0: nobody notices, 1: they differ."""
    other, *options = session.posargs or [OLDER]
    place = Path(".cache", "litellm-other")
    session.install(LOCKED, "--editable", ".")
    session.run("uv", "venv", "--quiet", "--clear", str(place), external=True)
    wanted = (f"litellm[proxy]=={other}", "prisma>=0.15")
    session.run("uv", "pip", "install", "--quiet", f"--python={place / 'bin' / 'python'}", *wanted, external=True)
    alone = ("--without-musts", "--differences", "tests/parity/versions.toml", "--reports", "reports/versions")
    _harness(session, "parity", "--candidate", "binary-other", *alone, *options, posargs=())


@nox.session(name="self")
def itself(session: nox.Session) -> None:
    """The baseline against itself, 20 times (`-- --runs 5`): exit 0 if nothing is found, 1: false alarms."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "self")


@nox.session
def load(session: nox.Session) -> None:
    """Both proxies under the same load, in turn: CPU, latency, memory. Exit 1: the candidate is worse somewhere."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "load")


@nox.session
def gate(session: nox.Session) -> None:
    """Ready for the cutover? Nine targets, measured; about 15 minutes. Exit 0: READY, 1: NOT READY, 2: INCONCLUSIVE."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "gate")


@nox.session
def generator(session: nox.Session) -> None:
    """1,000 streams at once through a raw pass-through: does the load generator hold them? Exit 0: yes, 1: no."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "generator")


@nox.session
def bench(session: nox.Session) -> None:
    """What the SDK proxy costs beside the binary path and raw pass-throughs. Exit 1: a goal is not met."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "bench")


@nox.session
def sabotage(session: nox.Session) -> None:
    """Plant every known regression around the candidate. Exit 0: all are caught, 1: not, 2: no judgement."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "sabotage")


@nox.session
def cookies(session: nox.Session) -> None:
    """10,000 requests to origins that challenge, and a restart. Exit 1: more than one challenge each, or one seen."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "cookies")


@nox.session
def fuzz(session: nox.Session) -> None:
    """2,000 requests that nobody would send, to both proxies. Exit 1: the candidate fails where the other does not.

    `-- --fast-path`: 20,000 sequences of calls to the SDK proxy with its fast path, without it, and to the binary path.
    """
    session.install(LOCKED, "--editable", ".")
    _harness(session, "fuzz")


@nox.session
def soak(session: nox.Session) -> None:
    """Memory of the SDK proxy under 50 streams for ten minutes. Exit 1: over 350 MiB, or growth over 1 MiB a minute."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "soak")


@nox.session
def canary(session: nox.Session) -> None:
    """A secret in every key, cookie, header and prompt. Exit 1: the SDK proxy's log or metrics have one."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "canary")


@nox.session
def leaving(session: nox.Session) -> None:
    """Clients that leave, in three windows of each route: exit 1 if an upstream's call outlives one by over 100 ms."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "leaving")


@nox.session
def drill(session: nox.Session) -> None:
    """Rehearse the rollout under 50 clients: cutover, rollback, kills, flaws, ten sound minutes. Exit 1: a miss."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "drill")


@nox.session
def report(session: nox.Session) -> None:
    """The page of all that was measured, again: reports/latest/parity.html. Nothing is started."""
    session.install(LOCKED, "--editable", ".")
    _harness(session, "report")


def _run(session: nox.Session, *command: str) -> None:
    """Ctrl-C leaves time to stop what was started: nox would kill after 0.3 s."""
    session.run(*command, interrupt_timeout=20, terminate_timeout=10)


def _harness(session: nox.Session, *command: str, posargs: Sequence[str] | None = None) -> None:
    """nox knows only 'failed' (1); the harness's own exit code is the verdict, so it is passed on."""
    given = session.posargs if posargs is None else posargs
    try:
        _run(session, "python", "-m", "harness", *command, *given)
    except CommandFailed as failed:
        sys.exit(failed.return_code or 2)
