"""Whose a run on a server is: which clone of a repository describes it, and which show it too.

Clones share a server. Each leaves a tag of its own at the runs that show its results, and takes it
away when they do so no more; a run without a tag is taken away. Who made a run describes it, or,
when its maker has left it, one of those that are left.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.store.atomic import write
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.track.compare import Held

PREFIX: Final = "dataenvgym.clone."
MADE: Final = "made"
SHOWN: Final = "shown"


def clone_of(layout: Layout) -> str:
    """The name of this clone, made at random the first time; a copied folder has another one."""
    path = layout.private / "clone"
    try:
        if not path.is_file():
            write(path, secrets.token_hex(16))
        own = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        # Without a place to keep a name, nothing that is made under it will be taken away.
        own = secrets.token_hex(16)
    return digest("clone", [own, str(layout.root.resolve())])[:12]


def tag(clone: str) -> str:
    """The name of a clone's tag."""
    return f"{PREFIX}{clone}"


def made(tags: Mapping[str, str], clone: str) -> bool:
    """Whether a clone made what has these tags; where two say so, only the first is taken to."""
    return maker(tags) == tag(clone)


def maker(tags: Mapping[str, str]) -> str | None:
    """The tag of the clone that made what has these tags; None if it has left it."""
    made = (name for name, mark in tags.items() if name.startswith(PREFIX) and mark == MADE)
    return min(made, default=None)


def shown_by_others(held: Held, clone: str) -> bool:
    """Whether another clone made a run or shows it too."""
    marks = [name for name in held.tags if name.startswith(PREFIX)]
    return any(name != tag(clone) for name in marks)
