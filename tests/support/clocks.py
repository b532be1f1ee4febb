"""A clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable

from dataenvgym_spec.store.leases.lease import Clock


class Time:
    """A clock that moves while somebody sleeps, and calls back on the way."""

    def __init__(self, meanwhile: Callable[[float], object] = lambda _: None) -> None:
        self.now, self.meanwhile = 0.0, meanwhile

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile(self.now)

    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=self.sleep)
