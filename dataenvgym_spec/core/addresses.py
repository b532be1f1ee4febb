"""A machine's address with a port: `host:4567`, `[fe80::1]:4567`, and one of both alone."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

HIGHEST: Final = 2**16 - 1


def joined(host: str, port: int | None) -> str:
    """An address with a port, if there is one.

    >>> joined("node-1", 4567), joined("fe80::1", 4567), joined("", 4567), joined("fe80::1", None)
    ('node-1:4567', '[fe80::1]:4567', ':4567', 'fe80::1')
    """
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parted(text: str) -> tuple[str, int | None]:
    """The host, and the port if there is one.

    >>> parted("node-1:4567"), parted("[fe80::1]:4567"), parted(":4567"), parted("fe80::1")
    (('node-1', 4567), ('fe80::1', 4567), ('', 4567), ('fe80::1', None))

    Raises:
        ValueError: it is no address.
    """
    with suppress(ValueError):
        return str(IPv6Address(text)), None
    parts = urlsplit(f"//{text}")
    odd = parts.path or parts.query or parts.fragment or "@" in text
    if odd or parts.netloc.endswith(":"):
        raise ValueError(f"'{text}' is no address")
    return parts.hostname or "", parts.port
