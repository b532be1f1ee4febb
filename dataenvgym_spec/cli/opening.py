"""The steps of opening a bundle: verified, laid out and compiled aside, then moved into place.

Nothing of a bundle is executed, and its results are written only where they fit what its spec
compiles to here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from dataenvgym_spec.cli.common import Project, load_project
from dataenvgym_spec.compile.compiler import Compiled
from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.emit.paths import settled
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.questions.fitting import Fit, fit
from dataenvgym_spec.questions.plan import REPORT, plan
from dataenvgym_spec.questions.travel import lock_path, luggage
from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.records.origins import Origins
from dataenvgym_spec.resolve import lockfile
from dataenvgym_spec.results import prices
from dataenvgym_spec.setup.scaffold import scaffold
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.bundle.archive import read_manifest
from dataenvgym_spec.store.bundle.checks import check, refuse
from dataenvgym_spec.store.bundle.manifest import Manifest
from dataenvgym_spec.store.bundle.workshop import Goods, clear, workshop
from dataenvgym_spec.store.dvc.disk import Disk
from dataenvgym_spec.store.dvc.locked import lock_text, read_locked
from dataenvgym_spec.store.dvc.state import Cache
from dataenvgym_spec.store.layout import Layout, find_root, kind_of

RESPONSES: Final = "opened"
"""The folder of a clone's private state with the responses of bundles."""
PROGRAMS: Final = (".py", ".sh", ".bash", ".so", ".pl", ".js", ".ps1", ".bat")
"""How files end that somebody might run."""
Place = Literal["new", "here", "repository"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What was opened.

    Attributes:
        root: the repository.
        manifest: what the bundle says of itself.
        fitting: which of its results fit; None if its spec cannot be compiled here.
        problem: why it cannot.
        to_run: how many stages `dvc repro` would execute, by experiment, beside the report.
        sweep: whether the experiments are points of a sweep.
        responses: the file with the responses of teachers, if any came.
        code: the files that a run, or somebody who follows their instructions, would execute.
    """

    root: Path
    manifest: Manifest
    fitting: Fit | None
    problem: SpecError | UserError | None
    to_run: dict[str, int]
    sweep: bool
    responses: Path | None
    code: tuple[str, ...]

    def lacks_students_alone(self, name: str) -> bool:
        """Whether all of an experiment is here but for the weights of its students."""
        if self.fitting is None or not self.manifest.withheld:
            return False
        held = self.fitting.stages.keys()
        return all(held >= set(one.stages) for one in self.manifest.experiments if one.name == name)


def look(bundle: Path) -> Manifest:
    """What a bundle says of itself, checked.

    Raises:
        UserError: it is no bundle, or one that is refused.
    """
    try:
        manifest = read_manifest(bundle)
        check(manifest, bundle.stat().st_size)
    except OSError as error:
        message = f"'{bundle}' cannot be read: {(error.strerror or str(error)).lower()}"
        raise UserError(message, help="name a file that 'dataenvgym bundle' wrote") from error
    return manifest


def open_bundle(bundle: Path, manifest: Manifest, target: Path) -> Opened:
    """Opens a bundle in a new folder, in an empty one, or in a repository.

    Args:
        bundle: the file.
        manifest: what `look` gave.
        target: the folder.

    Raises:
        UserError: it is refused, or something else is in its place.
    """
    try:
        place, beside = _place(target), target.parent / f".{target.name}.opening"
        if place == "new":
            target.parent.mkdir(parents=True, exist_ok=True)
            bench = beside
        else:
            if place == "here":
                scaffold(target, with_spec=False)
            clear(beside)
            bench = Layout(root=target).private / "opening"
        with workshop(bench) as folder:
            return _Opening(bundle, manifest, target, folder).opened()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"'{error.filename or target}' cannot be written: {reason}"
        raise UserError(message, help="name a folder that you may write to: --into DIR") from error


def _place(target: Path) -> Place:
    """What is where a bundle shall be opened.

    Raises:
        UserError: something in which none can be.
    """
    if (target / ".dvc").is_dir():
        return "repository"
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        message = f"'{target}' is no folder"
        raise UserError(message, help="name a new folder, or a repository: --into DIR")
    if target.is_dir() and any(target.iterdir()):
        message = f"'{target}' holds other files, and is no repository that 'dataenvgym init' made"
        raise UserError(message, help="name a new folder, or run first: dataenvgym init DIR")
    _check_outside(target)
    here = target.is_dir() and target.resolve() == Path.cwd()
    return "here" if here else "new"


def _check_outside(target: Path) -> None:
    """Checks that no repository of DVC holds a new folder: it would be part of it."""
    above = next((path for path in target.absolute().parents if path.is_dir()), None)
    try:
        root = find_root(above)
    except UserError:
        return
    message = f"'{target}' would lie in the repository '{root}'"
    help = f"add the study to that one: --into {root}   (or name a folder outside of it)"
    raise UserError(message, help=help)


class _Opening:
    def __init__(self, bundle: Path, manifest: Manifest, target: Path, folder: Path) -> None:
        self.manifest, self.target = manifest, target
        self.is_new = not (target / ".dvc").is_dir()
        (folder / "contents").mkdir()
        self.goods = Goods(bundle, manifest, folder / "contents")
        # What is new is made whole and then renamed; for a repository this is the place to try.
        self.aside = folder / "repository"
        self.problem: SpecError | UserError | None = None

    def opened(self) -> Opened:
        self.aside.mkdir()
        if not self.is_new:
            self._check_differences()
        self.goods.lay_out(self.aside)
        project = self._compiled(self.aside)
        fitting = None if project is None else fit(self.manifest, project.compiled.graph)
        if project is not None and fitting is not None:
            self._check_named(project)
            self._check_keys(fitting)
        if self.is_new:
            scaffold(self.aside, with_spec=False)
            self._fill(self.aside, project, fitting)
            if self.target.is_dir():
                self.target.rmdir()
            self.aside.rename(self.target)
        else:
            self._add(project, fitting)
        return self._result(project, fitting)

    # --- aside ------------------------------------------------------------------------------------

    def _compiled(self, root: Path) -> Project | None:
        """The spec, compiled in memory; None if it cannot be here, such as without a package."""
        self._name_files(root)
        try:
            return load_project((str(root / self.manifest.spec),), root=root)
        except (SpecError, UserError) as error:
            self.problem = error
            return None

    def _name_files(self, root: Path) -> None:
        """Says how stages call the files that they name; the spec may call them otherwise."""
        for stage in self.manifest.stages:
            path = root / "store" / stage.directory / "stage.json"
            if stage.files is not None and not path.exists():
                atomic.write(path, json_text({"files": stage.files}))

    def _check_named(self, project: Project) -> None:
        """Checks that every file is one that the spec names, or is said to be code."""
        specs = project.compiled.specs
        named = {*luggage(specs, project.compiled.graph, self.aside, {}).files, prices.FILE}
        named |= {lock_path(spec) for spec in specs}
        for file in self.manifest.files:
            if file.path not in named and not file.code:
                raise refuse(f"its spec names no file '{file.path}'")

    def _check_keys(self, fitting: Fit) -> None:
        """Refuses what was not made from this spec; another release may give other keys."""
        if not fitting.other and not fitting.unfit:
            return
        if self.manifest.versions.get("dataenvgym-spec") == release():
            wrong = (*fitting.other, *fitting.unfit)
            raise refuse(f"its spec does not compile to '{wrong[0]}', which it says")

    def _fill(self, root: Path, project: Project | None, fitting: Fit | None) -> None:
        """Compiles a repository that is not in use yet, and adds the results that fit."""
        layout = Layout(root=root)
        self.goods.keep_responses(self._responses(root))
        if project is None or fitting is None:
            return
        self.goods.stock(Cache(folder=cache_folder(root)), fitting.stages.values())
        write(project.compiled.graph, layout, everything=False)
        for directory, lock in fitting.stages.items():
            text = lock_text({kind_of(directory): lock})
            atomic.write(layout.stage(directory) / "dvc.lock", text)
        self._keep_origins(root)

    # --- in a repository that is in use -----------------------------------------------------------

    def _check_differences(self) -> None:
        """Checks that nothing would have to be overwritten; names all at once.

        Raises:
            UserError: something would.
        """
        wrong = [file.path for file in self.manifest.files if self._is_other(file.path)]
        layout = Layout(root=self.target)
        for stage in self.manifest.stages:
            if stage.lock is None:
                continue
            path = layout.stage(stage.directory) / "dvc.lock"
            here = read_locked(path, kind_of(stage.directory))
            if here is not None and here.digests() != stage.lock.digests():
                wrong.append(path.relative_to(self.target).as_posix())
        if wrong:
            listed = ", ".join(f"'{path}'" for path in wrong[:5])
            more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            message = f"{listed}{more} would be overwritten, and something else is there"
            raise UserError(message, help="open it in a new folder: --into DIR")

    def _is_other(self, path: str) -> bool:
        if not self.goods.differs(path, self.target):
            return False
        return not (path.endswith(lockfile.FILE) and self._is_ordinary(path))

    def _is_ordinary(self, path: str) -> bool:
        place = self.target / path
        return place.is_file() and not place.is_symlink()

    def _add(self, project: Project | None, fitting: Fit | None) -> None:
        """Adds a study, results first, so that a kill leaves nothing that would be made again."""
        root, layout = self.target, Layout(root=self.target)
        merged = self._merged_locks()
        self.goods.keep_responses(self._responses(root))
        if project is not None and fitting is not None:
            self.goods.stock(Cache(folder=cache_folder(root)), fitting.stages.values())
            self._fill_stages(project, fitting)
        others = [file.path for file in self.manifest.files if file.path != self.manifest.spec]
        for path in others:
            if path in merged:
                atomic.write(root / path, merged[path])
            elif not (root / path).exists():
                self.goods.put(path, root)
        if not (root / self.manifest.spec).exists():
            self.goods.put(self.manifest.spec, root)
        if project is None or fitting is None:
            return
        # Here other specs may call the same files otherwise, and the store knows them so.
        write(settled(project.compiled.graph, layout), layout, everything=False)
        self._keep_origins(root)

    def _fill_stages(self, project: Project, fitting: Fit) -> None:
        """Moves stages into the store, each whole; gives those that are there their locks."""
        aside, layout = Layout(root=self.aside), Layout(root=self.target)
        write(project.compiled.graph, aside, everything=False)
        layout.store.mkdir(exist_ok=True)
        for directory, lock in fitting.stages.items():
            text = lock_text({kind_of(directory): lock})
            if layout.stage(directory).exists():
                path = layout.stage(directory) / "dvc.lock"
                if not path.exists():
                    atomic.write(path, text)
                continue
            atomic.write(aside.stage(directory) / "dvc.lock", text)
            aside.stage(directory).rename(layout.stage(directory))

    def _merged_locks(self) -> dict[str, str]:
        """The texts of locks of specs that pin what both sides pin, where both have one.

        Raises:
            UserError: they pin one thing in two ways.
        """
        texts = {}
        for file in self.manifest.files:
            path = file.path
            if not path.endswith(lockfile.FILE) or not (self.target / path).exists():
                continue
            ours = lockfile.read(self.target / path, shown=path) or lockfile.Lock()
            theirs = lockfile.read(self.aside / path, shown=path) or lockfile.Lock()
            for part in ("hub", "files", "components", "stages"):
                mine, other = getattr(ours, part), getattr(theirs, part)
                for name in mine.keys() & other.keys():
                    if mine[name] != other[name]:
                        message = f"'{path}' here pins '{name}' otherwise than the bundle does"
                        raise UserError(message, help="open it in a new folder: --into DIR")
            union = replace(
                ours,
                hub={**theirs.hub, **ours.hub},
                files={**theirs.files, **ours.files},
                components={**theirs.components, **ours.components},
                stages={**theirs.stages, **ours.stages},
            )
            texts[path] = lockfile.render(union)
        return texts

    # --- both -------------------------------------------------------------------------------------

    def _responses(self, root: Path) -> Path:
        return Layout(root=root).private / RESPONSES / f"{self.manifest.name}.jsonl"

    def _keep_origins(self, root: Path) -> None:
        """Adds what the history said of contrasts; what is there stays."""
        for item in self.manifest.experiments:
            path = Layout(root=root).origins / f"{item.name}.json"
            if (item.declared or item.ends) and not path.exists():
                told = Origins(contrasts=item.declared, ends=item.ends)
                atomic.write(path, json_text(told))

    def _result(self, project: Project | None, fitting: Fit | None) -> Opened:
        to_run = {} if project is None else _to_run(project.compiled, Layout(root=self.target))
        entries = () if project is None else project.compiled.graph.entries
        code = [file.path for file in self.manifest.files if _is_code(file.path, file.code)]
        responses, journal = self._responses(self.target), self.manifest.journal
        return Opened(
            root=self.target,
            manifest=self.manifest,
            fitting=fitting,
            problem=self.problem,
            to_run=to_run,
            sweep=any(item.index.sweep for item in entries),
            responses=responses if journal is not None and journal.responses else None,
            code=tuple(code),
        )


def release() -> str:
    """The installed release of this package."""
    from importlib.metadata import version

    return version("dataenvgym-spec")


def _is_code(path: str, said: bool) -> bool:
    name = path.rpartition("/")[2].casefold()
    return said or name.endswith(PROGRAMS) or name in ("makefile", "gnumakefile", "justfile")


def _to_run(compiled: Compiled, layout: Layout) -> dict[str, int]:
    """How many stages `dvc repro` would execute, by experiment, beside the report."""
    world, graph = Disk(layout), settled(compiled.graph, layout)
    counts = {}
    for item in graph.entries:
        steps = [step for step in plan(graph, item, world, compiled.specs) if step.kind != REPORT]
        counts[item.name] = sum(step.action in ("run", "maybe") for step in steps)
    return counts
