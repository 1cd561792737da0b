"""config.yaml as both proxies read it: pydantic models of its tree, its references to the environment resolved.

The shape is LiteLLM's (litellm/proxy/_types.py, ConfigYAML, 1.106.2) plus `user_id_mappings`, which LiteLLM ignores.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    ValidationError,
)

from sdk_proxy.config_file import ConfigError, ConfigFile, Place, read

ENVIRON = "os.environ/"
# Keys whose reference LiteLLM leaves as it is written (types/router.py, holds_secret_pointer, 1.106.2).
POINTERS = frozenset({"anthropic_issuer_signing_key_ref", "anthropic_keycloak_client_secret_ref"})

# What LiteLLM refuses to start without, and how it is told to start all the same (litellm/proxy/auth/
# master_key_boot_check.py, 1.106.2). An empty variable would otherwise open a gateway that has no LiteLLM behind it.
MASTER_KEY = "LITELLM_MASTER_KEY"
OPEN_SETTING = "dangerously_permit_weak_or_unset_master_key"
PUBLIC_KEYS = frozenset({"88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"})  # SHA-256
OPEN_VARIABLE = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"

# What real clients call themselves (observed; the two Java ones from openai-java's ClientOptions and its async twin).
KNOWN_USER_AGENTS = (
    "claude-cli/2.1.330 (external, cli)",
    "claude-cli/2.1.330 (external, sdk-cli)",
    "OpenAIClientImpl/Java 4.0.0",
    "OpenAIClientAsyncImpl/Java 4.0.0",
    "OpenAI/JS 6.49.0",
    "OpenAI/Python 2.54.0",
    "AsyncOpenAI/Python 2.54.0",
    "Anthropic/Python 2.12.0",
    "AsyncAnthropic/Python 2.12.0",
    "Anthropic/JS 1.12.0",
    "codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)",
    "Bun/1.4.0",
    "curl/8.11.0",
)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return pattern


def _section(value: object) -> object:
    """LiteLLM takes `litellm_settings:` with nothing behind it as an empty section."""
    return {} if value is None else value


HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]  # a token, RFC 9110, section 5.6.2
UserId = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")]
Section = Annotated[dict[str, JsonValue], BeforeValidator(_section), Field(repr=False)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Declared fields only: a key that we do not know may hold a credential."""
        return ((name, value) for name, value in super().__repr_args__() if name in type(self).model_fields)


class HeaderPattern(_Model):
    """The user whose requests carry that header with a value in which the pattern is found, case-insensitively."""

    model_config = ConfigDict(extra="forbid")

    header: HeaderName
    pattern: Annotated[str, AfterValidator(_compiles)]
    user_id: UserId


class UserIdMappings(_Model):
    model_config = ConfigDict(extra="forbid")

    custom_header: HeaderName = "x-memory-user-id"
    header_patterns: tuple[HeaderPattern, ...] = ()
    default_user_id: UserId = "default-user"


class LiteLLMParams(_Model):
    """`model` is `provider/name`; every other key of LiteLLM's is kept as it is (`extra`)."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1)
    api_base: str | None = None
    api_key: SecretStr | None = None

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "model", self.model  # an address may hold a password


class Deployment(_Model):
    model_config = ConfigDict(extra="allow")

    model_name: str = Field(min_length=1)
    litellm_params: LiteLLMParams
    model_info: Section = {}


class Config(_Model):
    """The whole file, its environment references resolved. Other sections of LiteLLM's are kept as they are."""

    model_config = ConfigDict(extra="allow")

    model_list: tuple[Deployment, ...] = Field(min_length=1)
    router_settings: Section = {}
    litellm_settings: Section = {}
    general_settings: Section = {}
    environment_variables: Section = {}
    user_id_mappings: UserIdMappings = UserIdMappings()

    @property
    def master_key(self) -> SecretStr | None:
        key = self.general_settings.get("master_key")
        return SecretStr(str(key)) if key else None

    def api_base(self, model: str) -> str | None:
        """Of the first deployment under that name."""
        return next((d.litellm_params.api_base for d in self.model_list if d.model_name == model), None)


def load_config(file: Path, environ: Mapping[str, str]) -> Config:
    """Read, resolve `os.environ/NAME`, check. Raises `ConfigError`, and nothing else, whatever the file holds."""
    source = read(file)
    return checked(source, resolved(source, environ), environ)


def resolved(source: ConfigFile, environ: Mapping[str, str]) -> dict[str, Any]:
    """The tree of the file with the values of the environment in it. Raises `ConfigError` for one that is not set."""
    exported = source.tree.get("environment_variables")

    def missing(name: str, place: Place) -> ConfigError:
        late = " (environment_variables is exported after this, as in LiteLLM)" if name in (exported or ()) else ""
        return source.error(f"the environment variable {name} is not set{late}: set it, or take this key out", place)

    tree: dict[str, Any] = resolve(source.tree, environ, missing)
    return tree


def checked(source: ConfigFile, tree: dict[str, Any], environ: Mapping[str, str]) -> Config:
    """`tree` is what `resolved` made of the source. Raises `ConfigError` for what neither proxy can use."""
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = first["loc"]
        if place[-1] == "[key]":
            raise source.error("has a key that is not a text: put it in quotes", place[:-2]) from None
        raise source.error(first["msg"].removeprefix("Value error, "), place) from None
    return _with_master_key(config, source, environ)


def resolve(
    value: Any, environ: Mapping[str, str], missing: Callable[[str, Place], ConfigError], place: Place = ()
) -> Any:
    """`os.environ/NAME` -> its value, as LiteLLM's ProxyConfig._check_for_os_environ_vars and get_secret (1.106.2).

    At any depth, but not for a text in a list; "true" and "false" become booleans. Raises what `missing` makes.
    """
    if isinstance(value, dict):
        return {key: resolve(inner, environ, missing, (*place, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [
            resolve(inner, environ, missing, (*place, index)) if isinstance(inner, dict) else inner
            for index, inner in enumerate(value)
        ]
    if not isinstance(value, str) or not value.startswith(ENVIRON) or set(place[-1:]) & POINTERS:
        return value
    name = value.replace(ENVIRON, "")
    if name not in environ:
        raise missing(name, place)
    return {"true": True, "false": False}.get(environ[name].strip().lower(), environ[name])


def warnings(config: Config) -> list[str]:
    """What is allowed and yet surely not meant: patterns that no client we know of can match."""
    return [
        f"user_id_mappings: {p.pattern!r} matches the user agent of no known client, such as {KNOWN_USER_AGENTS[0]!r}"
        for p in config.user_id_mappings.header_patterns
        if p.header.lower() == "user-agent"
        and not any(re.search(p.pattern, agent, re.IGNORECASE) for agent in KNOWN_USER_AGENTS)
    ]


def _with_master_key(config: Config, source: ConfigFile, environ: Mapping[str, str]) -> Config:
    """Where general_settings has none, it is the variable's, as in LiteLLM (proxy_server.py, load_config, 1.106.2)."""
    settings = config.general_settings
    variable = config.environment_variables.get(MASTER_KEY, environ.get(MASTER_KEY))
    key = settings.get("master_key", variable)
    text = key.strip() if isinstance(key, str) else ""
    is_open = settings.get(OPEN_SETTING) is True or environ.get(OPEN_VARIABLE, "").lower() == "true"
    if not is_open and not text:
        what = "is empty, or not a text" if "master_key" in settings else f"is not there, and {MASTER_KEY} is not set"
        raise source.error(f"{what}: nobody would be asked for a key", ("general_settings", "master_key"))
    if not is_open and hashlib.sha256(text.encode()).hexdigest() in PUBLIC_KEYS:
        raise source.error("is the key of LiteLLM's examples: choose a random one", ("general_settings", "master_key"))
    return config.model_copy(update={"general_settings": {**settings, "master_key": key}}) if text else config
