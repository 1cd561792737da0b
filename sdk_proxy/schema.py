"""config.yaml as both proxies read it: pydantic models, and the one error: which file, line and key is wrong.

The shape is LiteLLM's (litellm/proxy/_types.py, ConfigYAML, 1.106.2) plus `user_id_mappings`, which LiteLLM ignores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

ENVIRON = "os.environ/"

# What LiteLLM refuses to start without, and how it is told to start all the same (litellm/proxy/auth/
# master_key_boot_check.py, 1.106.2). An empty variable would otherwise open a gateway that has no LiteLLM behind it.
MASTER_KEY = "LITELLM_MASTER_KEY"
OPEN_SETTING = "dangerously_permit_weak_or_unset_master_key"
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


class ConfigError(Exception):
    """The configuration cannot be used. The message names file, line and key, never a value that may be a secret."""

    def __init__(self, file: Path, message: str, line: int | None = None, key: str = "") -> None:
        place = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (place, key, message) if part))
        self.file, self.line, self.key, self.message = file, line, key, message


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
Section = Annotated[dict[str, Any], BeforeValidator(_section), Field(repr=False)]


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


@dataclass(frozen=True, slots=True)
class _Document:
    file: Path
    text: str

    def error(self, message: str, place: Sequence[str | int]) -> ConfigError:
        return ConfigError(self.file, message, _line(self.text, place), _key(place))


def load_config(file: Path, environ: Mapping[str, str]) -> Config:
    """Read, resolve `os.environ/NAME`, check. Raises `ConfigError`, and nothing else, whatever the file holds."""
    document = _Document(file, _read(file))
    tree = _tree(document)
    try:
        resolved = resolve(tree, environ, lambda name, place: _missing(document, name, place))
        config = Config.model_validate(resolved)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise document.error(first["msg"].removeprefix("Value error, "), first["loc"]) from None
    except RecursionError:
        raise ConfigError(file, "a YAML alias holds itself") from None
    return _with_master_key(config, document, environ)


def resolve(
    value: Any,
    environ: Mapping[str, str],
    missing: Callable[[str, tuple[str | int, ...]], ConfigError],
    place: tuple[str | int, ...] = (),
) -> Any:
    """`os.environ/NAME` -> its value, at any depth, as litellm.get_secret does it. Raises what `missing` makes."""
    if isinstance(value, dict):
        return {key: resolve(inner, environ, missing, (*place, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, environ, missing, (*place, index)) for index, inner in enumerate(value)]
    if not isinstance(value, str) or not value.startswith(ENVIRON):
        return value
    name = value.removeprefix(ENVIRON)
    if name not in environ:
        raise missing(name, place)
    return environ[name]


def warnings(config: Config) -> list[str]:
    """What is allowed and yet surely not meant: patterns that no client we know of can match."""
    return [
        f"user_id_mappings: {p.pattern!r} matches the user agent of no known client, such as {KNOWN_USER_AGENTS[0]!r}"
        for p in config.user_id_mappings.header_patterns
        if p.header.lower() == "user-agent"
        and not any(re.search(p.pattern, agent, re.IGNORECASE) for agent in KNOWN_USER_AGENTS)
    ]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(file, f"cannot be read ({error.strerror}): name another with --config") from error
    except UnicodeDecodeError as error:
        raise ConfigError(file, f"is not UTF-8 at byte {error.start}") from error


def _tree(document: _Document) -> dict[str, Any]:
    try:
        tree = YAML(typ="safe", pure=True).load(document.text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        problem = str(error.problem or error.context).splitlines()[0]
        raise ConfigError(document.file, f"is not YAML: {problem}", line) from None
    except (YAMLError, ValueError, TypeError, ArithmeticError, RecursionError, AttributeError, LookupError) as error:
        raise ConfigError(document.file, f"is not YAML: {type(error).__name__}") from None
    if not isinstance(tree, dict):
        raise ConfigError(document.file, "is not a mapping: it begins with `model_list:`", 1)
    for key in tree:
        if not isinstance(key, str):
            raise ConfigError(document.file, f"the key {key!r} is not a text", 1)
    return tree


def _with_master_key(config: Config, document: _Document, environ: Mapping[str, str]) -> Config:
    """Where general_settings has none, it is the variable's, as in LiteLLM (proxy_server.py, load_config, 1.106.2)."""
    settings = config.general_settings
    key = settings.get("master_key", environ.get(MASTER_KEY))
    is_key = isinstance(key, str) and bool(key.strip())
    if not is_key and settings.get(OPEN_SETTING) is not True and environ.get(OPEN_VARIABLE, "").lower() != "true":
        what = "is empty, or not a text" if "master_key" in settings else f"is not there, and {MASTER_KEY} is not set"
        raise document.error(f"{what}: nobody would be asked for a key", ("general_settings", "master_key"))
    return config.model_copy(update={"general_settings": {**settings, "master_key": key}}) if is_key else config


def _missing(document: _Document, name: str, place: tuple[str | int, ...]) -> ConfigError:
    return document.error(f"the environment variable {name} is not set: set it, or take this key out", place)


def _key(place: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in place)


def _line(text: str, place: Sequence[str | int]) -> int:
    """The line, from 1, of the deepest part of `place` that the document has."""
    node: Node | None = YAML(typ="safe", pure=True).compose(text)
    line = 1
    for part in place:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def _child(node: Node | None, part: str | int) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        pairs = ((key.start_mark.line + 1, value) for key, value in node.value if key.value == str(part))
        return next(pairs, None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None
