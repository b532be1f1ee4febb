"""Reports missing optional packages before anything imports them."""

from __future__ import annotations

from importlib.util import find_spec

from dataenvgym_spec.core.errors import MissingExtra


def require(extra: str, purpose: str, *packages: str) -> None:
    """Checks that packages of an extra are installed.

    Args:
        extra: the extra of this package that brings them.
        purpose: what needs them, in words.
        packages: their names.

    Raises:
        MissingExtra: one is not.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtra(package, extra, purpose)
