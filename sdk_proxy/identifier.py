"""Ids that nobody has to be unable to guess."""

from __future__ import annotations

import random
from uuid import UUID


def new_id() -> str:
    """Of the form of uuid4, which asks the system for each: two for a request, a fiftieth of the time of the mix."""
    return str(UUID(int=random.getrandbits(128), version=4))
