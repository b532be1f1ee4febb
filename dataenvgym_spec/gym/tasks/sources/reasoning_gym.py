"""Procedural problems of the reasoning-gym library.

A family is one of its data sets with a configuration.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterator
from typing import Any, Final

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)  # of cellpylib, a dependency of reasoning-gym
    import reasoning_gym

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.items import Item, item_id

ENDLESS: Final = 2**31 - 1
_VOLATILE: Final = ("source_index", "difficulty")
"""What an item's metadata says about how it was drawn, and not about the item."""


class ReasoningGym:
    """A source of endless items; each group is a family."""

    procedural = True

    def __init__(self, *, families: dict[str, dict[str, Any]]) -> None:
        self.families = families

    def groups(self) -> list[str]:
        """The names of the families."""
        return sorted(self.families)

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Items of one family, endless and repeating, from a seed.

        Raises:
            StageError: reasoning-gym does not know the data set or refuses the configuration.
        """
        family = self.families[group]
        name, config = family["dataset"], family.get("config", {})
        try:
            # Item i is seeded with `seed + i`, so that a large size costs nothing. Streams of
            # neighbouring seeds would overlap: ours are hashes.
            dataset = reasoning_gym.create_dataset(name, seed=seed, size=ENDLESS, **config)
        except (ValueError, TypeError, AssertionError) as error:
            raise StageError(
                f"reasoning-gym refuses the family '{group}': {error}",
                help="correct its 'dataset' or 'config' in the spec",
            ) from error
        return (self._item(dataset[index], group) for index in itertools.count())

    def _item(self, entry: dict[str, Any], group: str) -> Item:
        question, answer = str(entry["question"]), str(entry["answer"])
        dataset = entry["metadata"]["source_dataset"]
        pairs = entry["metadata"].items()
        return Item(
            id=item_id(question),
            input=question,
            target=answer,
            group=group,
            cluster=operands(dataset, question),
            verifier={"dataset": dataset, "answer": answer},
            metadata={key: value for key, value in pairs if key not in _VOLATILE},
        )


def operands(dataset: str, question: str) -> str:
    """The cluster of a problem: those of one data set on the same numbers.

    The order of the numbers and what is between them do not count: `gcd(12, 18)` is
    never taught to a student that is tested on `gcd(18, 12)`.

    >>> operands("gcd", "gcd of 12, 18?") == operands("gcd", "gcd of 18, 12?")
    True
    """
    numbers = sorted(re.findall(r"\d+", question))
    return item_id(" ".join([dataset, *numbers]))
