"""How many users there are at which time of a load run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

Shape = Callable[[float, float, int], int]
"""Seconds since the start, seconds in all, users at most -> users now."""

_RAMP_STEPS = 10
_BURST_PERIOD = 20.0  # seconds: half of it few users, half of it all


def steady(_: float, __: float, most: int) -> int:
    """All of them, all the time; a soak is the same for longer."""
    return most


def ramp(elapsed: float, whole: float, most: int) -> int:
    """In ten steps to the most, so that one sees where the gateway is saturated."""
    step = min(_RAMP_STEPS, int(elapsed / whole * _RAMP_STEPS) + 1)
    return max(1, most * step // _RAMP_STEPS)


def burst(elapsed: float, _: float, most: int) -> int:
    """A fifth of them, then all at once, and so on."""
    return most if elapsed % _BURST_PERIOD >= _BURST_PERIOD / 2 else max(1, most // 5)


SHAPES: Mapping[str, Shape] = MappingProxyType({"steady": steady, "ramp": ramp, "burst": burst, "soak": steady})
DURATIONS: Mapping[str, float] = MappingProxyType(
    {"steady": 60.0, "ramp": 120.0, "burst": 60.0, "soak": 600.0}
)  # seconds
