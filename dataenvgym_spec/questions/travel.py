"""The files that a study is made of, and what it needs that is no file of its repository."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.folders import FolderFault
from dataenvgym_spec.core.roots import Outside
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.packages import definition_path
from dataenvgym_spec.language.services import service
from dataenvgym_spec.resolve import lockfile
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.results import prices
from dataenvgym_spec.store.bundle.manifest import Absence
from dataenvgym_spec.store.bundle.names import clash, own_fault

PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")
"""Files that say how a package is installed."""


@dataclass(slots=True)
class Luggage:
    """What travels of a study, and what it needs besides.

    Attributes:
        files: by path, where each is.
        code: those of them that a run would execute.
        absent: what no file of the repository is.
    """

    files: dict[str, Path] = field(default_factory=dict)
    code: set[str] = field(default_factory=set)
    absent: dict[str, str] = field(default_factory=dict)

    def absences(self) -> tuple[Absence, ...]:
        """What is absent, as a manifest has it."""
        rows = sorted(self.absent.items())
        return tuple(Absence(what=what, remedy=remedy) for what, remedy in rows)


def luggage(
    specs: Iterable[Resolved], graph: Graph, root: Path, environ: Mapping[str, str]
) -> Luggage:
    """What a study is made of.

    Args:
        specs: its specs.
        graph: what they compile to, with files called as in the store.
        root: the repository.
        environ: the environment, which may say what the programs of policies are.

    Raises:
        UserError: a file cannot travel under its name.
    """
    packer = _Packer(Contents(root), environ)
    for spec in specs:
        for path in spec.family.inputs:
            packer.file(path)
        for arm in spec.arms:
            packer.arm(arm, spec)
    for stage in graph.stages:
        for path in stage.files.values():
            packer.file(path)
    packer.beside(prices.FILE)
    _check_names(packer.found)
    return packer.found


def lock_path(spec: Resolved) -> str:
    """Where the lock of a spec is, from the repository."""
    folder = spec.path.rpartition("/")[0]
    return f"{folder}/{lockfile.FILE}" if folder else lockfile.FILE


def _check_names(found: Luggage) -> None:
    for path in found.files:
        reason = own_fault(path)
        if reason:
            message = f"'{path}' cannot travel: its path {reason}"
            raise UserError(message, help="give it another name, and name that in the spec")
    both = clash(sorted(found.files))
    if both:
        message = f"'{both[0]}' and '{both[1]}' are one place on some systems"
        raise UserError(message, help="give one of them another name")


class _Packer:
    def __init__(self, contents: Contents, environ: Mapping[str, str]) -> None:
        self.contents, self.environ = contents, environ
        self.found = Luggage()
        self._seen: set[str] = set()

    def file(self, name: str) -> None:
        """A file or folder that a spec or a stage names."""
        if name in self._seen:
            return
        self._seen.add(name)
        if Outside.parse(name) is not None:
            digest = self.contents.digest(self.contents.place(name))
            remedy = f"its content has to be sha256:{digest}; docs/identity.md says how"
            self.found.absent[f"'{name}', outside of the repository"] = remedy
            return
        self._take(name)

    def _take(self, name: str, *, code: bool = False) -> None:
        path = self.contents.root / name
        try:
            inside = self.contents.files(path) if path.is_dir() else {"": path}
        except FolderFault as error:
            raise UserError(f"'{name}' {error}", help=error.help) from error
        for inner, file in inside.items():
            shown = f"{name}/{inner}" if inner else name
            if ".egg-info/" in shown:  # an installer's, about this machine
                continue
            self.found.files[shown] = file
            if code:
                self.found.code.add(shown)

    def beside(self, name: str) -> None:
        """A file that is taken if it is there."""
        if (self.contents.root / name).is_file():
            self._take(name)

    def arm(self, arm: Arm, spec: Resolved) -> None:
        """What an arm names: files, revisions of the hub, components."""
        for place, file in arm.references.items():
            if not file.path:
                continue
            self.file(file.path)
            written = self._written(
                str(arm.node.at(place).value), arm.node.at(place).span.file, spec
            )
            if written is not None:  # a link: it is called as the spec calls it, too
                self.file(written)
        for reference in arm.revisions.values():
            what = f"the {reference.type} {reference.id} of the hub at {reference.revision}"
            self.found.absent[what] = "it is fetched where a stage needs it"
        for slot, _, options in arm.experiment.components():
            self._component(definition(slot, options["kind"]), options)

    def _written(self, name: str, by: str, spec: Resolved) -> str | None:
        """The path that a spec has written, if a file of the repository is called so."""
        folder = spec.family.folders.get(by)
        if folder is None or Outside.parse(name) is not None:
            return None
        path = os.path.relpath(os.path.abspath(folder / name), self.contents.root)  # noqa: PTH100
        return None if path.startswith("..") else Path(path).as_posix()

    def _component(self, item: Definition, options: Mapping[str, Any]) -> None:
        if item.distribution is not None:
            self._package(item, item.distribution)
        if item.marked("x-command"):
            self._program(item, options)

    def _package(self, item: Definition, distribution: str) -> None:
        """A package with a component: its files where they are the repository's, else its name."""
        module = item.implementation.partition(":")[0]
        place = definition_path(module).parent.resolve()
        name = f"the package {distribution} {item.release()}".rstrip()
        if not place.is_relative_to(self.contents.root):
            # Several components of one package are one row.
            self.found.absent.setdefault(name, f"install it: pip install {distribution}")
            return
        top = place
        for _ in range(module.count(".") - 1):
            top = top.parent
        for folder in self._project(top):
            self._take(folder, code=True)
        where = self._shown(top.parent)
        remedy = f"its files travel; read them, then: pip install --editable {where}"
        self.found.absent.setdefault(name, remedy)

    def _project(self, top: Path) -> Iterator[str]:
        """What is taken of a package: its folder, and what installs it from above."""
        project = top.parent
        if project != self.contents.root and any((project / file).is_file() for file in PROJECT):
            yield self._shown(project)
            return
        yield self._shown(top)
        for file in PROJECT:
            if (project / file).is_file():
                yield self._shown(project / file)

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.contents.root).as_posix() or "."

    def _program(self, item: Definition, options: Mapping[str, Any]) -> None:
        """A program of the user: the files of the repository that its command names."""
        asked = service(item, options, self.environ)
        name = f"the program of the {item.slot} '{options.get('name')}'"
        remedy = "docs/outside-policies.md says how it is named; with the journal it is not asked"
        for word in _words(asked.command if asked else ""):
            path = Path(word)
            try:
                inside = path.is_file() and path.resolve().is_relative_to(self.contents.root)
            except (OSError, ValueError):
                continue
            if inside:
                shown = self._shown(path.resolve())
                self._take(shown, code=True)
                remedy = (
                    f"'{shown}' travels; read it; docs/outside-policies.md says how it is named"
                )
        self.found.absent[name] = remedy


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []
