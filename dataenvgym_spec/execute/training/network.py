"""Which of its networks a machine is to use for a training of several."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any, Final

import psutil

DISCARD: Final = 9
"""A port; nothing is sent to it."""


def interface_to(host: str) -> str | None:
    """The network interface by which another machine is reached; None if nobody can tell.

    Gloo looks up the name of its own machine instead, which in many networks nobody answers, or
    answers with an address that others do not reach.
    """
    with suppress(OSError):
        family, kind, _, _, place = socket.getaddrinfo(host, DISCARD, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(place)
            own = probe.getsockname()[0]
        interfaces: dict[str, list[Any]] = psutil.net_if_addrs()
        for name, addresses in interfaces.items():
            if own in {one.address for one in addresses}:
                return name
    return None
