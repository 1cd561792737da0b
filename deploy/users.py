"""Who the users of a configuration are: the proxies' own rules, asked where there are routes only."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.programs import BadInput
from deploy.routes import Users


def users(config: Path) -> Users:
    """Raises `BadInput`."""
    from sdk_proxy.config_file import ConfigError  # noqa: PLC0415 - a launcher without routes waits for no import
    from sdk_proxy.memory_router import MemoryRouter  # noqa: PLC0415
    from sdk_proxy.schema import load_config  # noqa: PLC0415

    try:
        mappings = load_config(config, os.environ).user_id_mappings
    except ConfigError as error:
        raise BadInput(str(error)) from error
    router = MemoryRouter(mappings)
    ids = {mappings.default_user_id, *(each.user_id for each in mappings.header_patterns)}
    return Users(frozenset(ids), lambda headers: router.route(headers).user_id)
