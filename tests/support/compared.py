"""What `dataenvgym compare` has found, without its command."""

from __future__ import annotations

from dataenvgym_spec.cli import compared
from dataenvgym_spec.questions.compare import contrast, corrected, scores
from dataenvgym_spec.questions.sides import groups, pairs
from dataenvgym_spec.results.notebook import Notebook


def told(results: Notebook, times: int) -> compared.Told:
    """A comparison of both arms, as often as a sweep would have it."""
    named = groups(results.layout, ("tiny:no-state", "tiny:with-state"), results.layout.root)
    ((first, second),) = pairs(named)
    one = contrast(first, second, "best", "test")
    columns = tuple((side, scores(side, "test")) for side in (first, second))
    return compared.Told(sides=columns, contrasts=corrected((one,) * times), split="test")
