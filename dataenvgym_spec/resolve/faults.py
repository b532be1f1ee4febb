"""What is wrong with the experiments of a spec, as trees: form, names, settings that fight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePath

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.validate import MAX_FINDINGS, unsaid
from dataenvgym_spec.resolve import matrix, references, same_as
from dataenvgym_spec.resolve.arms import DEFAULT_ARM
from dataenvgym_spec.resolve.drafts import Draft, SpecFile
from dataenvgym_spec.resolve.lockfile import Lock, Reference
from dataenvgym_spec.resolve.merge import merge

Place = tuple[str | int, ...]


def form(spec: SpecFile, drafts: Sequence[Draft]) -> list[Diagnostic]:
    """What keeps experiments from being records.

    That is what the schema says, first about the trees below the arms, and settings that fight.
    What was reported at a place is not reported there again.
    """
    findings: list[Diagnostic] = []
    for draft in drafts:
        findings += spec.checker.validate(draft.tree)
    clashing: list[Diagnostic] = []
    for draft in drafts:
        clashing += _clashes(spec, draft)
    findings += unsaid(clashing, findings)
    trees = [arm.tree for draft in drafts for arm in draft.arms]
    in_arms: list[Diagnostic] = []
    for tree in trees:
        in_arms += spec.checker.validate(tree)
    findings += unsaid(in_arms, findings)
    sharing: list[Diagnostic] = []
    for tree in trees:
        if _fits(spec, tree, "task"):
            sharing += same_as.check(tree)
    return findings + unsaid(sharing, findings)


def steps(spec: SpecFile, drafts: Sequence[Draft]) -> list[Diagnostic]:
    """Unknown names in matrix and `--set` paths."""
    points = [draft.point for draft in drafts if draft.point]
    below: tuple[Node, ...] = (spec.merged, spec.tree)
    findings: list[Diagnostic] = []
    for point in points:
        findings += references.stepped(point.paths, point.tree, below, default=DEFAULT_ARM)
    if spec.above:
        paths, tree = spec.above.paths, spec.above.tree
        below = (spec.merged, *(point.tree for point in points))
        findings += references.stepped(paths, tree, below, default=DEFAULT_ARM)
    return findings


def names(drafts: Sequence[Draft], *, whole: bool) -> list[Diagnostic]:
    """Unknown names.

    Each is compared with all names for a suggestion, so their number is bounded.

    Args:
        drafts: the experiments.
        whole: whether they fit the schema.
    """
    findings: list[Diagnostic] = []
    for draft in drafts:
        for arm in draft.arms:
            findings += islice(references.check(arm.tree, whole=whole), MAX_FINDINGS)
    for draft in drafts:
        unknown = references.compared(draft.tree, default=DEFAULT_ARM, whole=whole)
        findings += islice(unknown, MAX_FINDINGS)
    return findings


def unpinned(
    tree: Node, revisions: Mapping[Place, Reference], lock: Lock, shown: str
) -> Iterator[Diagnostic]:
    """Revisions of the hub that could move and that a lock does not pin.

    Args:
        tree: the arm that names them.
        revisions: each at its place.
        lock: what is pinned.
        shown: what the command line calls the spec.
    """
    for path, reference in revisions.items():
        if not reference.is_commit and reference not in lock.hub:
            message = (
                f"'{reference.revision}' of the {reference.type} '{reference.id}' "
                "is a branch or tag, which can move"
            )
            help = f"run: dataenvgym lock {shown}   (or write a commit: 40 hex digits)"
            yield tree.at(path).fault("E209", message, help)


def called(path: str, name: str) -> str:
    """What the command line calls a spec: its name if it is an active one, else its path.

    >>> called("specs/a.yaml", "first"), called("specs/library/a.yaml", "first")
    ('first', 'specs/library/a.yaml')
    """
    return name if PurePath(path).parent == PurePath("specs") else path


def _fits(spec: SpecFile, tree: Node, section: str) -> bool:
    node = tree.find(section)
    return node is not None and not spec.checker.section(section, node)


def _clashes(spec: SpecFile, draft: Draft) -> Iterator[Diagnostic]:
    """What an arm or the command line sets although the matrix varies it."""
    point = draft.point
    if point is None:
        return
    arms = draft.tree.find("arms")
    overrides = arms.value if arms is not None and isinstance(arms.value, dict) else {}
    for name, override in overrides.items():
        for clash in matrix.clashes(point, override, draft.tree):
            # An arm that says `observe: nothing` is the blind control of a sweep over what the
            # others observe.
            blind = clash.reached != clash.path and isinstance(clash.node.value, str)
            if not blind:
                yield clash.told(f"the arm '{name}'")
    if spec.above:
        below = merge(spec.merged, point.tree)
        for clash in matrix.clashes(point, spec.above.tree, below, above_arms=True):
            yield clash.told("'--set'")
