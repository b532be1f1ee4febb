"""A resolved experiment: its arms, each complete, with the places where its values were written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.spec import Experiment
from dataenvgym_spec.resolve.extends import Family
from dataenvgym_spec.resolve.files import File
from dataenvgym_spec.resolve.lockfile import Reference
from dataenvgym_spec.resolve.merge import Layer

DEFAULT_ARM: Final = "main"
"""What the only arm of a spec without arms is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm, complete: everything inherited, defaulted and read.

    Attributes:
        name: the arm's name.
        experiment: the resolved record.
        node: the merged tree; a value's place is where it was written.
        layers: who said what, the strongest last.
        references: the files it names, by their place in the tree.
        revisions: what it names of the hub, by the place of the revision; pinned ones as commits.
        worked_out: what was worked out about it, so that many rules can ask; no part of it.
    """

    name: str
    experiment: Experiment
    node: Node
    layers: tuple[Layer, ...]
    references: dict[tuple[str | int, ...], File]
    revisions: dict[tuple[str | int, ...], Reference]
    worked_out: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def files(self) -> dict[str, File]:
        """The data files it names, by what stands for them in the record."""
        return {file.content: file for file in self.references.values() if file.is_data}

    @property
    def inputs(self) -> dict[str, str]:
        """The digest of every file it names."""
        return {file.path: file.digest for file in self.references.values() if file.path}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """One experiment: a spec file, or one point of its matrix, after resolution.

    Attributes:
        path: the spec file.
        sweep: the name that the points of a matrix have in common; None without a matrix.
        node: the merged tree before any arm.
        arms: the arms, complete.
        family: the files it was read from.
        odd: what is odd about what it means, though valid, once that was looked at.
    """

    path: str
    sweep: str | None
    node: Node
    arms: tuple[Arm, ...]
    family: Family
    odd: tuple[Diagnostic, ...] = ()

    @property
    def inputs(self) -> dict[str, str]:
        """The digests of all files it was made from."""
        inputs = dict(self.family.inputs)
        for arm in self.arms:
            inputs |= arm.inputs
        return inputs

    @property
    def base(self) -> Experiment:
        """What all arms share: name, task, seeds, analysis."""
        return self.arms[0].experiment
