"""How figures, times and commits are written, the same in all reports."""

from __future__ import annotations


def figure(value: object) -> str:
    """As many digits as say something."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def when(iso: str | None) -> str:
    """2026-11-23T07:49:34+00:00 -> 2026-11-23 07:49 UTC"""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso else "-"


def short(commit: str | None) -> str:
    return commit[:10] if commit else "unknown"
