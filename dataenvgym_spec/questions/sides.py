"""What a comparison names: experiments, arms, points of sweeps, each now or at a git revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.core.errors import UserError, suggest
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.store.dvc.past import indexes_at, link_results
from dataenvgym_spec.store.indexes import compiled
from dataenvgym_spec.store.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm of one experiment, now or at a revision.

    Attributes:
        arm: its name.
        revision: of git; empty for the working tree.
        results: the experiment that it is of.
        lost: stages that were done at the revision and of which a result is not on this machine.
    """

    arm: str
    revision: str
    results: Results
    lost: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called, as an argument names it."""
        name = f"{self.results.name}:{self.arm}"
        return f"{name}@{self.revision}" if self.revision else name

    @property
    def runs(self) -> tuple[Run, ...]:
        """Its runs, in the order of the seeds."""
        return self.results.of_arm(self.arm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What one argument says: `NAME`, `NAME:ARM`, `NAME@REVISION` or `NAME:ARM@REVISION`."""

    name: str
    arm: str
    revision: str

    @classmethod
    def parse(cls, text: str) -> Named:
        """Reads an argument.

        >>> Named.parse("quickstart:no-state@HEAD~1")
        Named(name='quickstart', arm='no-state', revision='HEAD~1')
        """
        place, _, revision = text.partition("@")
        name, _, arm = place.partition(":")
        return cls(name=name, arm=arm, revision=revision)


def groups(layout: Layout, arguments: Sequence[str], folder: Path) -> tuple[tuple[Side, ...], ...]:
    """The arms that each argument names, in the order of the arguments.

    Args:
        layout: the repository.
        arguments: see `Named`; the name of a sweep stands for all its points.
        folder: an empty one, for what revisions hold.

    Raises:
        UserError: there is no such revision, experiment or arm.
    """
    found: list[tuple[Side, ...]] = []
    for number, text in enumerate(arguments):
        named = Named.parse(text)
        place = folder / str(number)
        sides = _past(layout, named, place) if named.revision else _present(layout, named)
        found.append(tuple(sides))
    return tuple(found)


def _present(layout: Layout, named: Named) -> Iterator[Side]:
    """The arms in the working tree."""
    if layout.index(named.name).is_file():
        yield from _arms(load(named.name, layout.root), named)
        return
    experiments = {name: load(name, layout.root) for name in compiled(layout)}
    points = _points({name: one.index for name, one in experiments.items()}, named)
    if not points:
        load(named.name, layout.root)  # says what there is
    for name in points:
        yield from _arms(experiments[name], named)


def _past(layout: Layout, named: Named, folder: Path) -> Iterator[Side]:
    """The arms at a revision."""
    past = indexes_at(layout, named.revision, folder)
    names = [named.name] if named.name in past.indexes else _points(past.indexes, named)
    if not names:
        message = f"there was no compiled experiment '{named.name}' at '{named.revision}'"
        help = suggest(named.name, past.indexes) if past.indexes else "name another revision"
        raise UserError(message, help=help)
    lost = link_results(layout, named.revision, past, names)
    for name in names:
        yield from _arms(load(name, folder), named, lost)


def _points(indexes: Mapping[str, Index], named: Named) -> list[str]:
    """The points of a sweep."""
    return sorted(name for name, index in indexes.items() if index.sweep == named.name)


def _arms(results: Results, named: Named, lost: tuple[str, ...] = ()) -> Iterator[Side]:
    arms = results.index.arms
    if named.arm and named.arm not in arms:
        message = f"'{results.name}' has no arm '{named.arm}'"
        raise UserError(message, help=suggest(named.arm, arms))
    mine = {row.directory for row in results.index.stages}
    for arm in [named.arm] if named.arm else arms:
        yield Side(
            arm=arm,
            revision=named.revision,
            results=results,
            lost=tuple(name for name in lost if name in mine),
        )


def pairs(named: Sequence[Sequence[Side]]) -> tuple[tuple[Side, Side], ...]:
    """Which arms are compared: each with its like of the first argument.

    That is the arm of the same name, or the only one. Of one argument alone each arm is compared
    with the first. Two arms that are named by hand are compared whatever they are called.

    Raises:
        UserError: it is not clear with what an arm is to be compared.
    """
    first, *others = named
    if not others:
        return tuple((first[0], other) for other in first[1:])
    found = []
    for group in others:
        for side in group:
            like = [one for one in first if one.arm == side.arm] or list(first)
            if len(like) != 1 and len(first) != 1:
                message = f"'{first[0].results.name}' has no arm '{side.arm}' to compare with"
                help = f"name one of its arms: {first[0].label}"
                raise UserError(message, help=help)
            found.append((like[0], side))
    return tuple(found)
