"""Whether another host works in a clone that several see, by its leases.

What a host says of its processes means nothing on another one. That it lives, its leases say.
"""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.store.leases.identity import is_of_this_host
from dataenvgym_spec.store.leases.lease import Clock, look
from dataenvgym_spec.store.leases.log import LeaseEvent, Log
from dataenvgym_spec.store.leases.register import FolderRegister

Signs = dict[str, tuple[LeaseEvent, bytes | None]]
"""What was done last with each lease that another host holds, and its last sign of life."""


def alive_elsewhere(folder: Path, clock: Clock | None = None) -> str | None:
    """Who holds a lease on another host, and lives; None if nobody does.

    A host that has died holds its leases still. As for whoever waits for one of them, it is dead
    once it was watched for its term without a sign of life.

    Args:
        folder: where the leases of the clone are.
        clock: another one than this machine's.
    """
    clock = clock or Clock()
    first = _signs(folder)
    since = clock.now()
    while first:
        term = max(event.seconds for event, _ in first.values())
        if clock.now() - since >= term:
            return None
        clock.sleep(look(term))
        now = _signs(folder)
        for name, sign in now.items():
            if first.get(name) != sign:
                return sign[0].holder
        first = now
    return None


def _signs(folder: Path) -> Signs:
    register, signs = FolderRegister(folder), Signs()
    for name in register.logs():
        log = Log(register, name)
        event = log.last()[1]
        if event is not None and event.is_held and not is_of_this_host(event.process):
            signs[name] = event, log.beat(event.lease)
    return signs
