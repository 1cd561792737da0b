"""What in a gateway's configuration would reach out of the run: addresses and credentials that are not the harness's
own, and what LiteLLM opens a connection for. Pure.

The harness's own is `os.environ/X`, where its environment sets X to a template with {upstream} (an address), or with
{secret}, {key} or {unset} (a credential, or none). All else is refused: a model of another provider, a callback, ...
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from harness.isolation.config_tree import Node, Place, walk

_REFERENCE = "os.environ/"
_OIDC = "oidc/env/"
_OWN_ADDRESS = re.compile(r"\{upstream\w*\}(/|$)")
_OWN_CREDENTIAL = re.compile(r"\{(secret|key|unset)\}")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_ADDRESS_NAME = re.compile(r"(^|_)(base|urls?|uri|hosts?|hostname|webhooks?|proxy)$|endpoint|(^|_)(url|host)_")
_CREDENTIAL_NAME = re.compile(
    r"(^|_)(key|token|secret|password|credentials?|authorization|dsn|jwt|access_key_id)(_file|_path)?$"
)
_NO_CREDENTIALS = {"prompt_cache_key"}
_LIMITS = re.compile(r"allowed_hosts$|url_validation")  # what LiteLLM may fetch: they open nothing
_BASES = ("api_base", "base_url", "aws_bedrock_runtime_endpoint")
_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_LOCAL_CACHES = {"local", "disk"}
_LOCAL_CALLBACKS = {"prometheus", "dynamic_rate_limiter", "dynamic_rate_limiter_v3", "parallel_request_limiter"}
_REMARKS = ("user_id_mappings", "include")  # nothing in them is an address for LiteLLM
_FETCHED = ("LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS")
_OWN_KEY = 'write os.environ/NAME, with NAME = "{secret}" under [environment] of the settings'
_OWN_BASE = 'write os.environ/NAME, with NAME = "{upstream}/..." under [environment] of the settings'
_TAKE_OUT = "take it out of the configuration that the harness is given"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is a deployment, or the key; no value of the configuration is in any of the texts."""

    file: Path
    line: int
    what: str
    reason: str
    step: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}: {self.reason}: {self.step}"


@dataclass(frozen=True, slots=True)
class Own:
    """`templates`: what the harness's environment sets each variable to, as harness.toml has it."""

    templates: Mapping[str, str] = field(default_factory=dict)

    def is_address(self, text: str) -> bool:
        return bool(_OWN_ADDRESS.match(self._template(text)))

    def is_credential(self, text: str) -> bool:
        """Also `oidc/env/X`, where LiteLLM takes a token from (secret_managers/main.py, get_secret, 1.106.2)."""
        reference = text.replace(_OIDC, _REFERENCE, 1) if text.startswith(_OIDC) else text
        return bool(_OWN_CREDENTIAL.search(self._template(reference)))

    def explain(self, name: str, text: str) -> str:
        """Return why it is not the harness's own."""
        if not text.startswith(_REFERENCE):
            return f"{name} is written out"
        variable = text.removeprefix(_REFERENCE)
        known = variable in self.templates
        return f"{name} is {variable}, which the harness {'does not replace' if known else 'does not set'}"

    def _template(self, text: str) -> str:
        return self.templates.get(text.removeprefix(_REFERENCE), "") if text.startswith(_REFERENCE) else ""


@dataclass(frozen=True, slots=True)
class _Connecting:
    """`keys`: patterns of places; the first that matches a key decides for all that lies in it."""

    keys: Sequence[str]
    reason: str
    step: str = _TAKE_OUT


@dataclass(frozen=True, slots=True)
class _Known:
    """litellm.toml."""

    movable: frozenset[str]
    bare: Mapping[str, Sequence[str]]
    default_bases: Mapping[str, Sequence[str]]
    required: Mapping[str, Sequence[str]]
    connecting: tuple[_Connecting, ...]


@cache
def _known() -> _Known:
    tree = tomllib.loads(Path(__file__).with_name("litellm.toml").read_text(encoding="utf-8"))
    connecting = tuple(_Connecting(**each) for each in tree["connecting"])
    return _Known(frozenset(tree["movable"]), tree["bare"], tree["default_bases"], tree["required"], connecting)


def movable_providers() -> frozenset[str]:
    """Return the providers that ask nothing but what a deployment names."""
    return _known().movable


def find_foreign(config: Node, environment: Mapping[str, str]) -> list[Finding]:
    """Return everything in the configuration that is not the harness's own, in the order of the files.

    `environment`: variable -> template, as under [environment] of the settings.
    """
    own = Own({**environment, **_exported(config.section("environment_variables"), environment)})
    found = [
        *_find_in_variables(config.section("environment_variables"), environment),
        *_find_connecting(config),
        *(each for place, node in _places(config) for each in _find_in_value(place, node, own, config)),
        *_find_unknown_names(config),
        *(each for number in range(len(_deployments(config))) for each in _find_in_deployment(config, number, own)),
    ]
    return sorted(dict.fromkeys(found), key=lambda each: (str(each.file), each.line))


def find_foreign_variables(environment: Mapping[str, str], settings: str) -> list[str]:
    """Return what the environment of the targets sets to an address or a credential that is not the harness's own.

    `settings` names the file. A bare list, for TOML has no lines.
    """
    return [
        f"{settings}: environment/{name}: {reason}: {step}"
        for name, template in environment.items()
        for reason, step in _judge_variable(name, template)
    ]


def find_foreign_words(words: Iterable[str], where: str) -> list[str]:
    """Return what is wrong with the words of a command that are addresses which no {name} of the harness fills in."""
    step = 'write the address of the simulated upstream as "{upstream}"'
    return [f"{where}: has an address that is written out: {step}" for word in words if _is_foreign_word(word)]


def _is_foreign_word(word: str) -> bool:
    found = _URL.search(word)
    host = word[found.end() :].partition("/")[0] if found else ""
    return bool(found) and "{" not in host and "{upstream" not in word


def find_fetched(environment: Mapping[str, str], settings: str) -> list[str]:
    """Return what LiteLLM would download: its price list at the import, the beta headers at the first call of Claude
    (litellm/__init__.py, anthropic_beta_headers_manager.py)."""
    return [
        f'{settings}: environment/{name}: is not "True", so that LiteLLM fetches a file from GitHub: set it'
        for name in _FETCHED
        if environment.get(name, "").lower() != "true"
    ]


# --- values -----------------------------------------------------------------------------------------------------------


def _places(config: Node) -> Iterator[tuple[Place, Node]]:
    for place, node in walk(config):
        is_remark = place[0] in _REMARKS or (place[0] == "model_list" and place[2:3] == ("model_info",))
        if not is_remark and place[0] != "environment_variables":
            yield place, node


def _find_in_value(place: Place, node: Node, own: Own, config: Node) -> Iterator[Finding]:
    """An address or a credential, by the key's name; an address, by what it looks like."""
    name, text = place[-1], node.text
    if name.isdigit():
        name = next((part for part in reversed(place) if not part.isdigit()), name)
    kind = _kind(name)
    if not text or _connecting(place) is not None or _LIMITS.search(name.lower()):
        return
    if kind == "address" and not own.is_address(text):
        yield Finding(node.file, node.line, _what(place, config), own.explain(name, text), _OWN_BASE)
    elif kind == "credential" and not own.is_credential(text):
        yield Finding(node.file, node.line, _what(place, config), own.explain(name, text), _own_key(name))
    elif not kind and _URL.match(text) and not _is_in_headers(place):
        yield Finding(
            node.file, node.line, _what(place, config), f"{name} is an address that is written out", _TAKE_OUT
        )


def _is_in_headers(place: Place) -> bool:
    """`HTTP-Referer: https://...` tells the provider who asks."""
    return any(part.lower().endswith("headers") for part in place[:-1])


def _kind(name: str) -> str:
    plain = name.lower().replace("-", "_")
    if plain in _NO_CREDENTIALS:
        return ""
    return "address" if _ADDRESS_NAME.search(plain) else "credential" if _CREDENTIAL_NAME.search(plain) else ""


def _own_key(name: str) -> str:
    return _OWN_KEY.replace("{secret}", "{key}") if name == "master_key" else _OWN_KEY


def _what(place: Place, config: Node) -> str:
    if place[0] == "model_list" and len(place) > 1:
        return _deployment_name(config, int(place[1]))
    if place[0] == "credential_list" and len(place) > 1:
        return f"credential {config.section('credential_list').items[int(place[1])].section('credential_name').text!r}"
    return ".".join(place)


# --- what opens a connection ------------------------------------------------------------------------------------------


def _connecting(place: Place) -> _Connecting | None:
    """The rule for the key, or for one that it lies in."""
    for length in range(1, len(place) + 1):
        for rule in _known().connecting:
            if any(_matches(pattern, place[:length]) for pattern in rule.keys):
                return rule
    return None


def _matches(pattern: str, place: Place) -> bool:
    parts = pattern.split(".")
    return len(parts) == len(place) and all(map(fnmatchcase, place, parts))


def _find_connecting(config: Node) -> Iterator[Finding]:
    for place, node in walk(config):
        rule = _connecting(place)
        is_outermost = _connecting(place[:-1]) is None
        if rule is not None and is_outermost and not node.is_off and not _stays_inside(place, node, config):
            yield Finding(node.file, node.line, _named(place, config), rule.reason, rule.step)
    cache = config.section("litellm_settings").section("cache")
    if cache.value is True and config.section("litellm_settings").section("cache_params").is_off:
        reason = "without cache_params the cache is Redis"
        yield Finding(cache.file, cache.line, "litellm_settings.cache", reason, "take it out, or use the type local")


def _named(place: Place, config: Node) -> str:
    what = _what(place, config)
    return what if what == ".".join(place) else f"{what}: {place[-1]}"


def _stays_inside(place: Place, node: Node, config: Node) -> bool:
    """Say whether LiteLLM keeps it in its own process."""
    if place == ("litellm_settings", "cache_params"):
        is_on = config.section("litellm_settings").section("cache").value is True
        return not is_on or node.section("type").value in _LOCAL_CACHES
    if place[-1].endswith(("callback", "callbacks")):
        return {each.value for each in (node.items or [node])} <= _LOCAL_CALLBACKS
    return False


# --- variables --------------------------------------------------------------------------------------------------------


def _exported(variables: Node, environment: Mapping[str, str]) -> dict[str, str]:
    """What LiteLLM sets in its own environment at the start (ProxyConfig._load_environment_variables)."""
    names = {name: node.text.removeprefix(_REFERENCE) for name, node in variables.mapping.items()}
    return {
        name: environment.get(names[name], "") if node.text.startswith(_REFERENCE) else str(node.value)
        for name, node in variables.mapping.items()
    }


def _find_in_variables(variables: Node, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Each stands in for the harness's own of the same name."""
    for name, template in _exported(variables, environment).items():
        node, what = variables.mapping[name], f"environment_variables.{name}"
        if name in environment and template != environment[name]:
            yield Finding(node.file, node.line, what, "it replaces what the harness sets", _TAKE_OUT)
            continue
        for reason, step in _judge_variable(name, template):
            yield Finding(node.file, node.line, what, reason, step)


def _judge_variable(name: str, template: str) -> Iterator[tuple[str, str]]:
    kind = _kind(name)
    is_own = _OWN_ADDRESS.match(template) or _OWN_CREDENTIAL.fullmatch(template)
    if not template or is_own or _LIMITS.search(name.lower()):
        return
    if _URL.match(template) or kind == "address":
        yield "it is an address that is not the harness's own", 'begin it with "{upstream}"'
    elif kind == "credential" and not _OWN_CREDENTIAL.search(template):
        yield "it is a credential that is not the harness's own", 'write "{secret}"'


# --- model names ------------------------------------------------------------------------------------------------------


def _find_unknown_names(config: Node) -> Iterator[Finding]:
    """Fallbacks, aliases and the default model must be of the model list."""
    known = {each.section("model_name").text for each in _deployments(config)} | _aliases(config)
    for place, node in _named_models(config):
        name = node.text or node.section("model").text
        if name and not any(fnmatchcase(name, pattern) for pattern in known):
            reason = f"it leads to {name!r}, which is no model_name of model_list"
            yield Finding(node.file, node.line, place, reason, "name a model of model_list")


def _aliases(config: Node) -> set[str]:
    return {*config.section("router_settings").section("model_group_alias").mapping} | {
        *config.section("litellm_settings").section("model_alias_map").mapping
    }


def _named_models(config: Node) -> Iterator[tuple[str, Node]]:
    for section in ("router_settings", "litellm_settings"):
        settings = config.section(section)
        for key in _FALLBACKS:
            for each in settings.section(key).items:
                for name, targets in each.mapping.items():
                    yield from ((f"{section}.{key}.{name}", target) for target in targets.items or [targets])
        defaults = settings.section("default_fallbacks")
        yield from ((f"{section}.default_fallbacks", target) for target in defaults.items)
        for key in ("model_group_alias", "model_alias_map"):
            yield from ((f"{section}.{key}.{name}", node) for name, node in settings.section(key).mapping.items())
    general = config.section("general_settings")
    if "completion_model" in general.mapping:
        yield "general_settings.completion_model", general.section("completion_model")


# --- deployments ------------------------------------------------------------------------------------------------------


def _deployments(config: Node) -> list[Node]:
    return config.section("model_list").items


def _deployment_name(config: Node, number: int) -> str:
    deployments = _deployments(config)
    name = deployments[number].section("model_name").text if number < len(deployments) else ""
    return f"model_list: {name!r}, deployment {number + 1}"


def _find_in_deployment(config: Node, number: int, own: Own) -> Iterator[Finding]:
    """Its provider, and the address that is missing; what is written there, `_find_in_value` judges."""
    deployment = _deployments(config)[number]
    params, what = deployment.section("litellm_params"), _deployment_name(config, number)
    given = _params(params, config)
    model = params.section("model")
    if not model.text and "custom_llm_provider" not in given:
        return  # LiteLLM leaves it out
    provider = _provider(model.text, given, own)
    if "://" in model.text:
        yield Finding(model.file, model.line, what, "the model is an address that is written out", _TAKE_OUT)
    if "*" in provider:
        reason = "a client's model chooses the provider, and with it the address"
        yield Finding(model.file, model.line, what, reason, "write the provider before the wildcard: openai/*")
    elif provider not in _known().movable:
        reason = f"LiteLLM may ask other servers than api_base for the provider {provider!r}"
        yield Finding(model.file, model.line, what, reason, _TAKE_OUT)
    if not any(name in given for name in _BASES) and not _has_own_default(provider, own):
        reason = "it has no api_base, so that LiteLLM asks the provider's own address"
        yield Finding(model.file, model.line, what, reason, f"give it an api_base: {_OWN_BASE}")
    for name in _known().required.get(provider, ()):
        if name not in given:
            reason = f"it has no {name}, so that LiteLLM looks for credentials on the network"
            yield Finding(model.file, model.line, what, reason, _OWN_KEY)


def _params(params: Node, config: Node) -> dict[str, Node]:
    """The deployment's own, those of its credential, and the router's defaults; without what is off."""
    wanted = params.section("litellm_credential_name").value
    named = (each for each in config.section("credential_list").items if wanted is not None)
    credential = next((each for each in named if each.section("credential_name").value == wanted), None)
    values = credential.section("credential_values").mapping if credential else {}
    defaults = config.section("router_settings").section("default_litellm_params").mapping
    return {name: node for name, node in {**defaults, **values, **params.mapping}.items() if not node.is_off}


def _provider(model: str, given: Mapping[str, Node], own: Own) -> str:
    """As litellm.get_llm_provider, without its lists; "unknown" where it would have to look there."""
    if "custom_llm_provider" in given:
        return given["custom_llm_provider"].text
    if model.startswith(_REFERENCE):
        model = own.templates.get(model.removeprefix(_REFERENCE), "")
    before, slash, _ = model.partition("/")
    if slash or "*" in model:
        return before
    bare = _known().bare.items()
    return next((provider for provider, names in bare if model.startswith(tuple(names))), "unknown")


def _has_own_default(provider: str, own: Own) -> bool:
    """Say whether the variables in which LiteLLM looks for the provider's address are set, and the harness's own."""
    templates = [own.templates[name] for name in _known().default_bases.get(provider, ()) if own.templates.get(name)]
    return bool(templates) and all(_OWN_ADDRESS.match(template) for template in templates)
