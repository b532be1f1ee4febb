"""The rule by which a training takes some of the accepted examples that it is given.

The trainer goes by it, and so does whoever says of a student what it was taught. Which of these
examples have room in the student, its trainer finds out, and its log says how many have not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from dataenvgym_spec.core.hashing import salted
from dataenvgym_spec.graph.params import Replay
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import each
from dataenvgym_spec.records.plans import Yield
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.results.taught.equal import common
from dataenvgym_spec.results.taught.fraction import by_iteration, part
from dataenvgym_spec.results.taught.listed import Listed
from dataenvgym_spec.results.taught.replay import again

Given = Sequence[Sequence[Listed]]
"""The accepted examples that a training is given, port by port."""


class Taking(Record, frozen=True, kw_only=True):
    """What the parameters of a training say of the examples that it takes; see `TrainParams`."""

    seed: int
    salt: int | None = None
    rounds: int | None = None
    yields: tuple[int, ...] | None = None
    fraction: float | None = None
    replay: Replay | None = None
    latest: int | None = None

    @property
    def drawn_by(self) -> int:
        """The seed of all that is drawn in it."""
        return salted(self.seed, self.salt)

    @property
    def leaves_out(self) -> bool:
        """Whether it may leave out some that it is given."""
        return any(value is not None for value in (self.rounds, self.fraction, self.replay))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The examples that a training takes.

    Attributes:
        examples: in their order.
        latest: how many of them the latest iteration that has any accepted.
        set_aside: how many it accepted besides; None where none can be.
        replayed: how many were taught before; None where none can be.
    """

    examples: list[Listed]
    latest: int
    set_aside: int | None
    replayed: int | None


def stays(taking: Taking, ports: Sequence[Path]) -> bool:
    """Whether no student is trained: this iteration brought no example, and need not bring any.

    Args:
        taking: what the parameters say.
        ports: with the accepted examples that the training is given.
    """
    if taking.latest is None:
        return False
    rows = (each(port / "examples.jsonl", Example) for port in ports[-taking.latest :])
    return next(chain.from_iterable(rows), None) is None


def taken(taking: Taking, given: Given, others: Sequence[Mapping[str, Yield]] = ()) -> Taken:
    """What a training takes.

    Args:
        taking: what the parameters say.
        given: what it may take from.
        others: what other arms accepted, where amounts are made equal to theirs.
    """
    iterations, kept = _kept(taking, given, others)
    latest = len(kept[-1]) if kept else 0
    set_aside = len(iterations[-1]) - latest if iterations else 0
    examples, replayed = list(chain.from_iterable(kept)), None
    if taking.replay is not None:
        old, new = _told_apart(taking, taking.replay, given, examples)
        examples, replayed = [*old, *new], len(old)
    cut = taking.rounds is not None or taking.fraction is not None
    return Taken(
        examples=examples,
        latest=latest,
        set_aside=set_aside if cut else None,
        replayed=replayed,
    )


def without_a_part(taking: Taking, given: Given) -> int:
    """How many examples a training would take if it took all of each iteration."""
    every = list(chain.from_iterable(given))
    if taking.replay is None:
        return len(every)
    old, new = _told_apart(taking, taking.replay, given, every)
    return len(old) + len(new)


def _kept(
    taking: Taking, given: Given, others: Sequence[Mapping[str, Yield]]
) -> tuple[Sequence[Sequence[Listed]], Sequence[Sequence[Listed]]]:
    """The examples of each iteration, and those of them that are not left out."""
    if taking.rounds is not None:
        starts = range(0, len(given), taking.rounds)
        ports = (given[start : start + taking.rounds] for start in starts)
        iterations = [list(chain.from_iterable(some)) for some in ports]
        return iterations, common(iterations, others, taking.yields)
    every = list(chain.from_iterable(given))
    if taking.fraction is None:
        return [every], [every]
    iterations = by_iteration(every)
    return iterations, [part(one, taking.fraction, taking.drawn_by) for one in iterations]


def _told_apart(
    taking: Taking, replay: Replay, given: Given, examples: Sequence[Listed]
) -> tuple[list[Listed], list[Listed]]:
    """Those of some examples that are taught again, and those that are new."""
    before = given[: len(given) - replay.latest]
    earlier = {row.id for row in chain.from_iterable(before)}
    return again(examples, earlier, replay.fraction, taking.drawn_by, len(given))
