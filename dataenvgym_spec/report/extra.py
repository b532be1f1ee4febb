"""Says that the report's optional packages are missing before anything imports them."""

from __future__ import annotations

from importlib.util import find_spec

from dataenvgym_spec.core.errors import MissingExtra


def require(*packages: str) -> None:
    """Checks that packages of the extra `report` are installed.

    Raises:
        MissingExtra: one is not.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtra(package, "report", "the report")
