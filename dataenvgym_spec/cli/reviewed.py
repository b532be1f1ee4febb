"""All active specs compared with a git revision, for `dataenvgym diff --markdown`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dataenvgym_spec.cli.common import Project, compile_specs, read_specs
from dataenvgym_spec.cli.costs import bills, lines
from dataenvgym_spec.cli.markdown import text
from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.questions.plan import plan
from dataenvgym_spec.questions.review import Side, StudyChange, review
from dataenvgym_spec.questions.revision import extract
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.store.dvc.disk import Disk
from dataenvgym_spec.store.layout import Layout


def reviewed(base: str, layout: Layout, folder: Path, sets: Sequence[str]) -> str:
    """What the working tree changes in meaning, as Markdown.

    Args:
        base: the revision to compare with.
        layout: the repository.
        folder: an empty folder in it, for the files of the revision.
        sets: settings of the command line, for the new side.

    Raises:
        UserError: there is no such revision.
        SpecError: a spec of the working tree has an error.
    """
    extract(layout.root, base, None, folder)
    old, unread = _as_it_was(Layout(root=folder))
    specs = read_specs((), layout, sets) if layout.specs() else ()
    project = Project(layout=layout, compiled=compile_specs(specs), everything=True)
    changes = review(old, Side(specs=specs, graph=project.compiled.graph))
    return text(base, changes, _costs(changes, old.graph, project), unread)


def _as_it_was(layout: Layout) -> tuple[Side, dict[str, str]]:
    """The specs of a revision; those that this release cannot read are left out, with reasons."""
    read: list[Resolved] = []
    unread: dict[str, str] = {}
    for path in layout.specs():
        try:
            # "pin": the lock of that time says which revisions held.
            specs = front_end([path], root=layout.root, locks="pin")
            lower(specs)
        except SpecError as error:
            first = error.diagnostics[0]
            name = path.relative_to(layout.root).as_posix()
            unread[name] = f"{first.code}: {first.message}"
            continue
        read += specs
    return Side(specs=tuple(read), graph=lower(tuple(read)).graph), unread


def _costs(
    changes: Sequence[StudyChange], old: Graph, project: Project
) -> Mapping[str, Sequence[str]]:
    """What the stages that change will cost, in lines, by experiment."""
    before, compiled = {stage.id for stage in old.stages}, project.compiled
    names = {item.new for change in changes for item in change.differences if not item.equal}
    world, plans = Disk(project.layout), {}
    try:
        for item in compiled.graph.entries:
            if item.name in names:
                steps = plan(compiled.graph, item, world, compiled.specs)
                plans[item.name] = [step for step in steps if step.key not in before]
        return {name: lines(bill) for name, bill in bills(project, plans).items()}
    except UserError:
        return {}  # a damaged lock is told by `plan`
