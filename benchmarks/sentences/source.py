"""Sentences that differ in most words, and now and then one that is nearly an earlier one."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

from dataenvgym_spec.gym import Item, item_id

WORDS = [f"word{number}" for number in range(500)]
LENGTH, REMEMBERED = 25, 500


class Sentences:
    """Gives sentences in several groups; the answer to one is its first word."""

    procedural = True

    def __init__(self, *, groups: int, repeats: float) -> None:
        self.count, self.repeats = groups, repeats

    def groups(self) -> list[str]:
        """The names of the groups."""
        return [f"group{number:02}" for number in range(self.count)]

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Sentences of one group; a part of them is an earlier one with a word changed."""
        rng = random.Random(f"{group} {seed}")
        before: deque[list[str]] = deque(maxlen=REMEMBERED)
        while True:
            words = rng.choices(WORDS, k=LENGTH)
            if before and rng.random() < self.repeats:
                words = list(rng.choice(before))
                words[rng.randrange(LENGTH)] = rng.choice(WORDS)
            before.append(words)
            question = " ".join(words)
            identity = item_id(question)
            yield Item(
                id=identity,
                input=question,
                target=words[0],
                group=group,
                cluster=identity,
                verifier={"answer": words[0]},
            )
