"""Whose a run on a server is: which clones of a repository made it, and which show it too.

Clones share a server. Each leaves a tag of its own at the runs that show its results, so that a
run is taken away by the clone that made it, and only when no other shows it.
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
    """Whether a clone made what has these tags."""
    return tags.get(tag(clone)) == MADE


def shown_by_others(held: Held, clone: str) -> bool:
    """Whether another clone made a run or shows it too."""
    marks = [name for name in held.tags if name.startswith(PREFIX)]
    return any(name != tag(clone) for name in marks)
