"""Ids that nobody has to be unable to guess."""

from __future__ import annotations

import random
from uuid import UUID


def new_id() -> str:
    """Of the form of uuid4, which asks the system for each: 0.13 ms, twice for most requests, in a profile of the mix.

    A process that is forked has a seed of its own (`random` sees to that).
    """
    return str(UUID(int=random.getrandbits(128), version=4))
