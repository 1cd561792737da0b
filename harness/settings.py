"""harness.toml, the environment (`HARNESS_*`) and the command line: one frozen `Settings`, read once and passed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from harness import model
from harness.errors import BadInput


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProcessSettings(_Strict):
    name: str
    command: tuple[str, ...] = Field(min_length=1)
    ready: str
    env: dict[str, str] = {}


class TargetSettings(_Strict):
    """A gateway that can be started (`processes`), or that runs already (`url` alone)."""

    url: str
    processes: tuple[ProcessSettings, ...] = ()
    version: tuple[str, ...] = ()
    ports: dict[str, int] = {}

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        """A path is what the gateway serves below, and goes before each request's own."""
        if not re.fullmatch(r"https?://[^/?#@]+(/[^?#]*)?", url):
            raise ValueError(f"{url!r} is no gateway's address: give one such as http://127.0.0.1:4000/litellm")
        return url.rstrip("/")

    def target(self, name: str) -> model.Target:
        processes = tuple(
            model.Process(p.name, p.command, p.ready, tuple(sorted(p.env.items()))) for p in self.processes
        )
        return model.Target(name, self.url, processes, self.version)


class GateSettings(_Strict):
    """The targets of the gate, and what it measures them with. Each is to be stayed below, but for the last four."""

    error_rate: float = Field(default=2.0, gt=0)  # %
    latency_p95: float = Field(default=520.0, gt=0)  # ms
    memory: float = Field(default=350.0, gt=0)  # MB
    cloudflare_503s: int = Field(default=0, ge=0)  # at most
    concurrent: int = Field(default=50, ge=1)  # at least
    clients: float = Field(default=100.0, gt=0, le=100)  # %, at least
    parity: float = Field(default=100.0, gt=0, le=100)  # %, at least
    untouched: tuple[Path, ...] = ()
    manifest: Path = Path("baseline.sha256")
    seconds: float = Field(default=80.0, ge=1)  # of load at `concurrent`, in four windows
    cookie_requests: int = Field(default=2000, ge=1)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="HARNESS_", frozen=True, extra="forbid")

    config: Path
    scenarios: Path
    differences: Path
    further: tuple[Path, ...] = ()  # scenarios that are played on configurations of their own: they count as covered
    reports: Path
    network: str = "loopback only by configuration"  # how a run is kept there: what `site.isolate` has found
    baseline: str
    candidate: str
    patience: float = Field(default=5.0, gt=0)
    concurrency: int = Field(default=8, ge=1)
    cosmetic: Literal["agree", "differ"] = "agree"  # what targets do that differ in cosmetic differences alone
    warm_up: dict[str, tuple[str, ...]] = {}
    environment: dict[str, str] = {}
    gate: GateSettings = GateSettings()
    targets: dict[str, TargetSettings] = Field(min_length=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        file = InitSettingsSource(settings_cls, given.get("file", {}))
        options = InitSettingsSource(settings_cls, given.get("options", {}))
        return options, env_settings, file

    @property
    def is_self_comparison(self) -> bool:
        """Whether both targets are the same gateway, under one name or two."""
        one, other = (self.targets.get(name) for name in (self.baseline, self.candidate))
        return self.baseline == self.candidate or (one is not None and one == other)

    def target(self, name: str) -> TargetSettings:
        if name not in self.targets:
            raise BadInput(f"there is no target {name!r}: name one of {', '.join(sorted(self.targets))}")
        return self.targets[name]


def read_settings(file: Path, options: Mapping[str, Any]) -> Settings:
    """An option wins over the environment, the environment over the file. Raises `BadInput`."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror}): name the settings file with --settings", file) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"is not TOML: {error}", file) from error
    try:
        return Settings(file=content, options=dict(options))  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(first["msg"], file, field="/".join(str(part) for part in first["loc"])) from error
