"""What a client's call makes a gateway fetch beside the provider: pictures and files that the body names. Pure.

LiteLLM fetches them where the provider takes no addresses (convert_to_base64 in litellm_core_utils/prompt_templates).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

_NAME = re.compile(r"(^|_)(url|uri)$", re.IGNORECASE)
_ADDRESS = re.compile(r"(https?|gs|s3)://", re.IGNORECASE)


def is_fetching(body: bytes, upstream: Sequence[bytes]) -> bool:
    """Say whether the body names an address that was not passed on, so that the gateway must have fetched it.

    `upstream`: the bodies that the gateway sent for it.
    """
    try:
        tree = json.loads(body)
    except ValueError:
        return False
    return any(not any(address.encode() in sent for sent in upstream) for address in _addresses(tree))


def _addresses(tree: Any, name: str = "") -> Iterator[str]:
    """Of an image_url that is a list, each; of a mapping, what its keys say."""
    if isinstance(tree, str) and _NAME.search(name) and _ADDRESS.match(tree):
        yield tree
    elif isinstance(tree, list):
        for each in tree:
            yield from _addresses(each, name)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _addresses(value, key)
