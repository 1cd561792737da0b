"""The one error of the harness that a user meets, drawn as a tree.

HarnessError            exit code 2: no judgement is possible
├── BadInput            a file, an option or an environment variable is wrong: names it, and what to do
├── TargetFailed        a target did not start, or died: carries the last lines of its log
└── PortTaken           somebody else listens on a port that a target needs
"""

from __future__ import annotations

from pathlib import Path


class HarnessError(Exception):
    """No judgement is possible; the message is one that a user can act on."""


class BadInput(HarnessError):
    """A file is wrong. `line` counts from 1; `field` is the place within the file (`steps/0/request/method`)."""

    def __init__(
        self, message: str, file: Path | str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        place = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (place, field, message) if part))


class TargetFailed(HarnessError):
    """A target did not start, or died in the middle of a run."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(f"{message}\n{log}" if log else message)


class PortTaken(HarnessError):
    """The port is not free."""

    def __init__(self, port: int, owner: str = "another program") -> None:
        super().__init__(f"port {port} is taken by {owner}: stop it, or choose another port")
