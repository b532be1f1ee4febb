"""Procedural problems of the reasoning-gym library.

A family is one of its data sets with a configuration.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain, count
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.tasks.library import DatasetSpec, reasoning_gym
from dataenvgym_spec.gym.tasks.sources.curricula import Variant, variants
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.items import TEXT, WORDS, Item, item_id

BLOCKS: Final = ((0, 64), *((2**power, 2 ** (power + 1)) for power in range(6, 13)))
"""The parts of a stream, each read from a data set as large as its end.

Some data sets prepare themselves by their size, in time and memory, and one refuses more than
20,000 problems. A larger data set begins as a smaller one with the same seed does.
"""
FAILURES: Final = 50
"""Problems in a row that a data set may fail to make."""
BY_NUMBERS: Final = frozenset(
    {
        "basic_arithmetic",
        "chain_sum",
        "complex_arithmetic",
        "count_bits",
        "count_primes",
        "countdown",
        "decimal_arithmetic",
        "decimal_chain_sum",
        "fraction_simplification",
        "gcd",
        "jugs",
        "lcm",
        "number_filtering",
        "number_format",
        "number_sorting",
        "polynomial_equations",
        "polynomial_multiplication",
        "power_function",
        "prime_factorization",
        "products",
        "puzzle24",
        "simple_equations",
        "simple_geometry",
        "simple_integration",
    }
)
"""The data sets whose problems are told apart by their numbers.

In others the numbers are few (a puzzle's size), always the same (an example in the instructions) or
none, so that hundreds of problems would be one cluster.
"""
_VOLATILE: Final = ("source_index", "difficulty")
"""What an item's metadata says about how it was drawn, and not about the item."""
_NUMBER: Final = re.compile(r"-?[\d.,/]+")
_REFUSALS: Final = (ValueError, TypeError, AssertionError, AttributeError, KeyError)

Entry = dict[str, Any]
Family = dict[str, Any]
"""A data set with its configuration."""


class ReasoningGym:
    """A source of endless items; each group is a family."""

    procedural = True

    def __init__(self, *, families: dict[str, Family]) -> None:
        self.families = families

    def groups(self) -> list[str]:
        """The names of the families."""
        return sorted(self.families)

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Items of one family, endless and repeating, from a seed.

        Raises:
            StageError: reasoning-gym does not know the data set, refuses the configuration, or
                makes no problem of it.
        """
        return _started(_items(self.families[group], group, seed))

    def variants(self, group: str) -> Iterator[str]:
        """Names of a family's harder and easier configurations, by the library's curriculum.

        The first is the family as it is set; then, attribute by attribute, those nearest to it. One
        that the library refuses, or makes no problem of, is left out.
        """
        for variant in self._variants(group):
            family = self._varied(group, variant)
            if not variant.change or _works(family, group):
                yield variant.name

    def variant(self, group: str, name: str, seed: int) -> Iterator[Item]:
        """Items of one variant of a family, as `stream` gives them of the family.

        Raises:
            StageError: there is no such variant, or see `stream`.
        """
        by_name = {variant.name: variant for variant in self._variants(group)}
        if name not in by_name:
            message = f"the family '{group}' has no variant '{name}'"
            raise StageError(message, help=f"it has {', '.join(map(repr, by_name))}")
        return _started(_items(self._varied(group, by_name[name]), group, seed))

    def _variants(self, group: str) -> list[Variant]:
        family = self.families[group]
        try:
            return variants(family["dataset"], family.get("config", {}))
        except _REFUSALS as error:
            raise _refused(group, error) from error

    def _varied(self, group: str, variant: Variant) -> Family:
        family = self.families[group]
        return {**family, "config": {**family.get("config", {}), **variant.change}}


def _started(items: Iterator[Item]) -> Iterator[Item]:
    """The same items: what is wrong with a family is said before anything is drawn."""
    first = next(items)
    return chain([first], items)


def _items(family: Family, group: str, seed: int) -> Iterator[Item]:
    for epoch in count():
        own = seed if epoch == 0 else seed_from("epoch", seed, epoch)
        for start, end in BLOCKS:
            dataset = _dataset(family, group, own, end)
            for entry in _entries(dataset, own, range(start, end), group):
                yield _item(entry, group)


def _dataset(family: Family, group: str, seed: int, size: int) -> Any:
    """The data set of a family.

    Raises:
        StageError: reasoning-gym does not know the data set or refuses the configuration.
    """
    name, config = family["dataset"], dict(family.get("config", {}))
    try:
        if name == "composite":
            config["datasets"] = [DatasetSpec(**part) for part in config["datasets"]]
        return reasoning_gym.create_dataset(name, seed=seed, size=size, **config)
    except _REFUSALS as error:
        raise _refused(group, error) from error


def _refused(group: str, error: Exception) -> StageError:
    return StageError(
        f"reasoning-gym refuses the family '{group}': {error}",
        help="correct its 'dataset' or 'config' in the spec",
    )


def _works(family: Family, group: str) -> bool:
    """Whether the library makes a problem of a configuration."""
    try:
        dataset = _dataset(family, group, 0, 1)
        with _seeded(0):
            dataset[0]
    except Exception:  # data sets fail in many ways
        return False
    return True


def _entries(dataset: Any, seed: int, indexes: range, group: str) -> Iterator[Entry]:
    """The problems of a data set that can be made.

    Raises:
        StageError: none of many in a row can.
    """
    failures = 0
    for index in indexes:
        try:
            # Problem i is seeded with `seed + i`. Streams of neighbouring seeds would overlap: ours
            # are hashes.
            with _seeded(seed + index):
                entry = dataset[index]
        except Exception as error:
            failures += 1
            if failures < FAILURES:
                continue
            raise StageError(
                f"reasoning-gym makes no problem of the family '{group}': {error}",
                help="correct its 'config' in the spec",
            ) from error
        failures = 0
        yield entry


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds the generator that all of a process share: list_functions draws from it."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def _item(entry: Entry, group: str) -> Item:
    question, answer = str(entry["question"]), str(entry["answer"])
    dataset = entry["metadata"]["source_dataset"]
    shown, hidden = _metadata(dataset, entry["metadata"])
    verifier = {"dataset": dataset, "answer": answer}
    if hidden:
        verifier["metadata"] = hidden
    return Item(
        id=_identity(question, answer),
        input=question,
        target=answer,
        group=group,
        cluster=cluster(dataset, question),
        verifier=verifier,
        metadata=shown,
    )


def _metadata(dataset: str, metadata: Entry) -> tuple[Entry, Entry]:
    """What a prompt may show of a problem's metadata, and what only its scorer may see."""
    readable = readable_metadata(dataset)
    shown, hidden = {}, {}
    for name, value in metadata.items():
        if name in readable:
            shown[name] = _json_value(value)
        elif name not in _VOLATILE:
            hidden[name] = _json_value(value)
    return shown, hidden


@cache
def readable_metadata(dataset: str) -> frozenset[str]:
    """The metadata of a data set that a prompt may show, as the source's definition names them."""
    declared = definition("source", "reasoning-gym").marked("x-metadata")[("families",)]
    return frozenset([*declared["always"], *declared["names"].get(dataset, ())])


def _json_value(value: Any) -> Any:
    """A value of a problem's metadata as JSON has it; gsm_symbolic has fractions."""
    try:
        json.dumps(value)
    except TypeError:
        return json.loads(json.dumps(value, default=_text))
    return value


def _text(value: Any) -> Any:
    # The order of a set differs from process to process.
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def _identity(question: str, answer: str) -> str:
    """A problem of one line whose answer is a number is told apart by its words.

    Of any other its layout and letter case count: it may show a program, a table or a word to
    spell.
    """
    prose = "\n" not in question.strip() and _NUMBER.fullmatch(answer)
    return item_id(question, form=WORDS if prose else TEXT)


def cluster(dataset: str, question: str) -> str:
    """The cluster of a problem: those of one data set on the same numbers, or in the same words.

    The order of the numbers and what is between them do not count: `gcd(12, 18)` is
    never taught to a student that is tested on `gcd(18, 12)`.

    >>> cluster("gcd", "gcd of 12, 18?") == cluster("gcd", "gcd of 18, 12?")
    True
    >>> cluster("acre", "Is the light on?") == cluster("acre", "Is the light off?")
    False
    """
    numbers = sorted(re.findall(r"\d+", question))
    if dataset in BY_NUMBERS and numbers:
        return item_id(" ".join([dataset, *numbers]))
    return item_id(f"{dataset} {question}")
