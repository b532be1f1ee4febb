"""What one look at a machine or a repository found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    needed: bool = True
    detail: str
    help: str = ""
