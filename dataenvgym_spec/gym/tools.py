"""What an executor hands to an agent's components besides what they work on."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a policy or an engine may use.

    Attributes:
        seed: derived from the run's seed, the iteration and the round. Whoever draws, draws from
            it, so that a stage that is run again gives the same.
    """

    seed: int

    def random(self) -> random.Random:
        """A generator of its own, seeded."""
        return random.Random(self.seed)
