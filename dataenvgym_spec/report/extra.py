"""The optional packages of the report."""

from __future__ import annotations

from dataenvgym_spec.results import extra


def require(*packages: str) -> None:
    """Checks that packages of the extra `report` are installed.

    Raises:
        MissingExtra: one is not.
    """
    extra.require("report", "the report", *packages)
