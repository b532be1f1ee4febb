"""Holds a lease for as long as a block runs, and says of every other end who holds it now."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.lease import Claimant, Heartbeat, Lease, LeaseLost, take
from dataenvgym_spec.store.leases.log import LeaseEvent, Log
from dataenvgym_spec.store.leases.register import Register
from dataenvgym_spec.store.mark import mark_of

CLONE: Final = "clone.txt"
"""Tells this clone from others, whichever host looks at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """The leases of a clone.

    Attributes:
        register: where they are written down.
        clone: what tells this clone from others.
        seconds: how long a holder may be silent.
        between: whether other clones use the same register.
    """

    register: Register
    clone: str
    seconds: float
    between: bool = False

    @contextlib.contextmanager
    def hold(
        self,
        name: str,
        *,
        waiting: Callable[[str], None] | None = None,
        interrupt: bool = True,
    ) -> Iterator[Lease | None]:
        """Holds a lease; None if somebody else does, who lives and is not waited for.

        Args:
            name: what it is on.
            waiting: as in `take`.
            interrupt: whether the main thread is interrupted if the lease is lost.

        Raises:
            LeaseLost: somebody else took it while the block ran. It is raised in place of what the
                block raised, which a lost lease has made fail.
        """
        claimant = Claimant.here(self.clone, self.seconds)
        lease = take(self.register, name, claimant, waiting=waiting)
        if lease is None:
            yield None
            return
        try:
            with Heartbeat(lease, interrupt=interrupt):
                yield lease
        except LeaseLost:
            raise
        except BaseException as error:
            if not _holds(lease):
                raise lease.loss() from error
            raise
        finally:
            # A register that cannot be reached frees the lease after its term.
            with contextlib.suppress(OSError, UserError):
                lease.release()

    def last(self, name: str) -> LeaseEvent | None:
        """What was done last with a lease."""
        return Log(self.register, name).last()[1]

    def tail(self, name: str) -> int:
        """The number of what was done last with a lease; 0 if that is nothing."""
        return Log(self.register, name).last()[0]

    def held(self) -> list[str]:
        """What somebody holds a lease on, or has held one on and not released it."""
        names = self.register.logs()
        events = {name: self.last(name) for name in names}
        return [name for name, event in events.items() if event is not None and event.is_held]


def _holds(lease: Lease) -> bool:
    """Whether a lease is held, as far as can be told."""
    try:
        return lease.is_held()
    except (OSError, UserError):
        return True


def clone_of(layout: Layout) -> str:
    """What tells a clone from others."""
    return mark_of(layout.private / CLONE, layout.root)
