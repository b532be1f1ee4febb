"""How long a run takes what colleagues have made: as long as the remote answers.

A remote that cannot be asked before anything was done is a mistake that the user can mend. One that
goes away later costs nobody a result: the run goes on, and makes what it cannot fetch. DVC may also
fail for what passes, such as a file of the clone that git is writing: so it is tried once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import click

from dataenvgym_spec.store.dvc.remote import Unreachable

T = TypeVar("T")


@dataclass(slots=True)
class Pulling:
    """Whether results are fetched.

    Attributes:
        on: whether they are, from now on.
        begun: whether anything was done, so that a remote that is gone ends nothing.
    """

    on: bool
    begun: bool = False
    _failed: set[str] = field(default_factory=set)
    """What DVC could not bring at the first try."""

    def planned(self, plans: Callable[[bool], T]) -> T:
        """What a function plans that gets whether to ask the remote.

        Raises:
            Unreachable: it cannot be asked, and nothing was done yet.
        """
        if self.on:
            try:
                return plans(True)
            except Unreachable as error:
                if not self.begun:
                    raise
                self.leave(error.message)
        return plans(False)

    def failed(self, works: str) -> None:
        """Takes note that DVC could not go on; the second time with the same, the remote is left.

        Args:
            works: what it was to do.
        """
        reason = "DVC could not go on with the remote, as is said above"
        if works in self._failed:
            self.leave(reason)
        elif self.on:
            self._failed.add(works)
            click.echo(f"warning: {reason}; trying once more", err=True)

    def leave(self, reason: str) -> None:
        """Goes on without the remote, and says so once."""
        if self.on:
            self.on = False
            rest = "going on without it: what only it has is made here"
            click.echo(f"warning: {reason}; {rest}", err=True)
