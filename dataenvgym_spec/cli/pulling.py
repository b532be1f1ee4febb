"""How long a run takes what colleagues have made: as long as the remote answers.

A remote that cannot be asked before anything was done is a mistake that the user can mend. One that
goes away later costs nobody a result: the run goes on, and makes what it cannot fetch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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

    def leave(self, reason: str) -> None:
        """Goes on without the remote, and says so once."""
        if self.on:
            self.on = False
            rest = "going on without it: what only it has is made here"
            click.echo(f"warning: {reason}; {rest}", err=True)
