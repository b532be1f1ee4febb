"""What a change of a repository means: all of its studies, compared with what they were. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.questions.diff import Difference, diff
from dataenvgym_spec.resolve.arms import Resolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The specs of a repository at one time, and their stages."""

    specs: tuple[Resolved, ...]
    graph: Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyChange:
    """A study, and how its experiments differ.

    Attributes:
        path: its spec; the old one, if it is gone.
        differences: one an experiment.
    """

    path: str
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether it means the same."""
        return all(item.equal for item in self.differences)


def review(old: Side, new: Side) -> tuple[StudyChange, ...]:
    """Compares every study with what it was: that of the same file, or else of the same name.

    Args:
        old: all specs as they were.
        new: all specs as they are.
    """
    before, after = _by_path(old.specs), _by_path(new.specs)
    named = {_name(specs): path for path, specs in before.items() if path not in after}
    changes = []
    for path, specs in after.items():
        was = path if path in before else named.pop(_name(specs), "")
        differences = diff(before.pop(was, ()), old.graph, specs, new.graph)
        changes.append(StudyChange(path=path, differences=differences))
    for path, specs in before.items():
        changes.append(StudyChange(path=path, differences=diff(specs, old.graph, (), new.graph)))
    return tuple(changes)


def _by_path(specs: Iterable[Resolved]) -> dict[str, tuple[Resolved, ...]]:
    found: dict[str, tuple[Resolved, ...]] = {}
    for spec in specs:
        found[spec.path] = (*found.get(spec.path, ()), spec)
    return found


def _name(specs: Sequence[Resolved]) -> str:
    return specs[0].sweep or specs[0].base.name
