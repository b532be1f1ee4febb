"""From a spec file to complete experiment records. No graph yet.

Precedence, lowest first: defaults, the files of `extends` in order, the spec, a point of the
matrix, an arm, `--set`, and the commits that a lock pins. What is needed of the world (a file's
text or digest) is read in `files`, so that everything after it is pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.spec import Experiment
from dataenvgym_spec.language.validate import unsaid
from dataenvgym_spec.resolve import faults
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.defaults import in_one_form
from dataenvgym_spec.resolve.drafts import ArmDraft, Draft, SpecFile
from dataenvgym_spec.resolve.files import File, Reader
from dataenvgym_spec.resolve.lockfile import Lock, Reference
from dataenvgym_spec.resolve.merge import merge

Place = tuple[str | int, ...]


def experiments_of(path: Path, *, root: Path, sets: Sequence[str] = ()) -> tuple[str, list[str]]:
    """The name of a spec, and the names of its experiments: one for each point of its matrix.

    Raises:
        SpecError: the text, a parent, the name or the matrix is wrong; the rest is not looked at.
    """
    spec = SpecFile(path, root, sets)
    return spec.name, [spec.named(point) for point in spec.points()]


def examine(
    path: Path,
    *,
    root: Path,
    sets: Sequence[str] = (),
    only: Collection[str] | None = None,
    lock: Lock | None = None,
    pinned: bool = False,
) -> tuple[tuple[Resolved, ...], list[Diagnostic]]:
    """Resolves the experiments of a spec as far as it goes, and finds what is wrong with them.

    A spec that fits the schema has its experiments in spite of unknown names and missing files, so
    that their meaning can be looked at as well; a spec that does not has none.

    Args:
        path: the spec file.
        root: the repository; files that a spec names must lie in it.
        sets: settings of the command line, `path=value`.
        only: names of experiments to resolve; None for all.
        lock: whose commits stand for the revisions that it pins.
        pinned: whether it has to pin all that could move.

    Raises:
        SpecError: its text, its parents or its matrix leave nothing whole to look at.
    """
    spec = SpecFile(path, root, sets)
    drafts = spec.drafts(only)
    completion = _Completion(spec, path.parent, root, lock or Lock())
    steps, form = faults.steps(spec, drafts), faults.form(spec, drafts)
    findings = [
        *spec.family.duplicates,
        *steps,
        *unsaid(form, steps),
        *faults.names(drafts, whole=not form),
        *completion.wrong_files(drafts),
    ]
    if pinned:
        findings += unsaid(completion.unpinned(drafts), findings)
    resolved: tuple[Resolved, ...] = ()
    if not form:
        resolved = tuple(completion.experiment(draft) for draft in drafts)
    return resolved, [spec.family.annotate(finding) for finding in findings]


class _Completion:
    """Makes drafts complete: reads files, pins revisions, fills in defaults."""

    def __init__(self, spec: SpecFile, folder: Path, root: Path, lock: Lock) -> None:
        self.spec, self.lock = spec, lock
        self.reader = Reader(spec.family, folder, root)

    def wrong_files(self, drafts: Sequence[Draft]) -> list[Diagnostic]:
        """Reads all files that are named; what is wrong with them."""
        for draft in drafts:
            for arm in draft.arms:
                self._files(arm.tree)
        return self.reader.findings

    def unpinned(self, drafts: Sequence[Draft]) -> list[Diagnostic]:
        """Revisions that could move, also in trees in which other things are wrong."""
        findings: list[Diagnostic] = []
        shown = faults.called(self.spec.family.shown, self.spec.name)
        for draft in drafts:
            for arm in draft.arms:
                revisions = self._revisions(arm.tree)
                findings += faults.unpinned(arm.tree, revisions, self.lock, shown)
        return findings

    def experiment(self, draft: Draft) -> Resolved:
        name = self.spec.named(draft.point)
        return Resolved(
            path=self.spec.family.shown,
            sweep=self.spec.name if draft.point else None,
            node=draft.tree,
            arms=tuple(self._arm(arm, name) for arm in draft.arms),
            family=self.spec.family,
        )

    def _arm(self, arm: ArmDraft, experiment: str) -> Arm:
        tree, layers = arm.tree, arm.layers
        revisions = self._revisions(tree)
        pins = self.lock.layer(revisions.items())
        if pins:
            tree, layers = merge(tree, pins.tree), (*layers, pins)
            revisions = self._revisions(tree)
        files = self._files(tree)
        plain: Any = tree.plain()
        plain["name"] = experiment
        for path, file in files.items():
            _put(plain, path, file.content)
        return Arm(
            name=arm.name,
            experiment=msgspec.convert(in_one_form(plain), Experiment),
            node=tree,
            layers=layers,
            references=files,
            revisions=revisions,
        )

    def _files(self, tree: Node) -> dict[Place, File]:
        named = self.spec.checker.files(tree)
        task = _task(tree)
        return {path: self.reader.read(tree.at(path), form, task) for path, form in named}

    def _revisions(self, tree: Node) -> dict[Place, Reference]:
        references: dict[Place, Reference] = {}
        for path, type_ in self.spec.checker.revisions(tree):
            id = str(tree.at((*path[:-1], "id")).value)
            revision = str(tree.at(path).value)
            if type_ == "model":
                references[path] = Reference(type="model", id=id, revision=revision)
            else:
                references[path] = Reference(type="dataset", id=id, revision=revision)
        return references


def _task(tree: Node) -> Definition | None:
    """The kind of the task; None where there is none, which is told elsewhere."""
    plain: Any = tree.plain()
    task = plain.get("task")
    kind = task.get("kind") if isinstance(task, dict) else None
    return definitions()["task"].get(kind) if isinstance(kind, str) else None


def _put(plain: Any, path: Place, value: str) -> None:
    """Replaces the value at a path."""
    *above, last = path
    for step in above:
        plain = plain[step]
    plain[last] = value
