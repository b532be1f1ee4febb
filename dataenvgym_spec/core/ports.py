"""Ports of this machine."""

from __future__ import annotations

import socket


def free_port(address: str = "") -> int:
    """A port that nobody listens at now, on an address of this machine; on all without one."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
    return port
