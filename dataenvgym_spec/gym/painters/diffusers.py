"""Paints with a text-to-image pipeline of the hub."""

from __future__ import annotations

from typing import Any

from dataenvgym_spec.gym.painters.pipeline import Painting


class Diffusers(Painting):
    """See `Painting`. Its files lie in the hub's cache of this machine, and are fetched once."""

    def __init__(self, *, id: str, revision: str, **options: Any) -> None:
        super().__init__(**options)
        self.id, self.revision = id, revision

    def source(self) -> tuple[str, dict[str, Any]]:
        """A repository of the hub at a commit."""
        return self.id, {"revision": self.revision}
