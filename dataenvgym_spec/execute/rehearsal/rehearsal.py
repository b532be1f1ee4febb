"""A rehearsal from the spec to what it found: the order of the work, which others do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.compile.compiler import Compiled, front_end, lower
from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import Diagnostic, SpecError, UserError
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.execute.rehearsal.estimates import (
    Estimates,
    StudentNeeds,
    costs,
    needs,
    students,
)
from dataenvgym_spec.execute.rehearsal.hub import HubAccess
from dataenvgym_spec.execute.rehearsal.lengths import lengths
from dataenvgym_spec.execute.rehearsal.made_files import write_made
from dataenvgym_spec.execute.rehearsal.made_up import Unmade, made, phrased, rows
from dataenvgym_spec.execute.rehearsal.models import Found, find_model
from dataenvgym_spec.execute.rehearsal.reaching import reaching
from dataenvgym_spec.execute.rehearsal.reading import Script, read_script
from dataenvgym_spec.execute.rehearsal.real_rows import real_rows
from dataenvgym_spec.execute.rehearsal.running import Played, play, rooted
from dataenvgym_spec.execute.rehearsal.service import Asked, scripted
from dataenvgym_spec.execute.rehearsal.students import NotInstalled, NotTiny, Shelf
from dataenvgym_spec.execute.rehearsal.toy import Toy
from dataenvgym_spec.execute.rehearsal.wanted import WantedFiles, WantedRows, form_of
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.questions.services import unusable
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.store.dvc.dialect import dump
from dataenvgym_spec.store.layout import Layout

MARK: Final = ".rehearsal"
"""The file that a folder has which may be emptied."""
TEXTS: Final = 200
"""Made-up questions that a made-up tokenizer is trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that would have failed.

    Attributes:
        where: the place in the spec, or the stages.
        message: what is wrong.
        help: what to do about it.
        code: of a diagnostic; empty for what only running shows.
    """

    where: str
    message: str
    help: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What a rehearsal found.

    Attributes:
        names: the experiments.
        findings: what would have failed.
        obstacles: why no stage was rehearsed; none where they were.
        warnings: what is odd about the spec.
        played: what became of the stages of the rehearsal.
        real: how many stages the real experiments have.
        replaced: what stood in for what.
        cuts: which amounts were smaller.
        untested: what the rehearsal cannot have shown.
        asked: what the scripted teacher was asked.
        estimates: what the real run takes.
        folder: where its files are.
    """

    names: tuple[str, ...]
    findings: tuple[Finding, ...]
    obstacles: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]
    played: Played
    real: int
    replaced: tuple[str, ...]
    cuts: tuple[str, ...]
    untested: tuple[str, ...]
    asked: Asked
    estimates: Estimates
    folder: Path


def rehearse(
    path: Path,
    *,
    root: Path,
    folder: Path,
    sets: Sequence[str] = (),
    only: Collection[str] | None = None,
    hub: HubAccess | None = None,
    shelf: Shelf | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Rehearsed:
    """Rehearses the experiments of a spec. Writes into its folder alone.

    Args:
        path: the spec file.
        root: the repository.
        folder: where all of it is made; what an earlier rehearsal left there is removed.
        sets: settings of the command line.
        only: names of experiments; None for all.
        hub: how far the hub may be asked.
        shelf: the tiny models of earlier rehearsals of this process.
        say: prints a line of progress.

    Raises:
        SpecError: the spec has an error that a rehearsal cannot do without.
        UserError: the folder holds something else.
    """
    script = read_script(path, root=root, sets=sets, only=only)
    real = lower(script.specs)
    toy = Toy()
    for spec in script.specs:
        toy.add(spec)
    stage = _Stage(script=script, real=real, toy=toy, root=root, folder=folder)
    stage.hub, stage.shelf = hub or HubAccess(), shelf or Shelf()
    stage.clear()
    stage.furnish()
    return stage.perform(say)


class _Stage:
    """One rehearsal: its folder with what lies in it, and what was found so far."""

    def __init__(
        self, *, script: Script, real: Compiled, toy: Toy, root: Path, folder: Path
    ) -> None:
        self.script, self.real, self.toy = script, real, toy
        self.root, self.folder = root, folder
        self.layout = Layout(root=folder)
        self.hub, self.shelf = HubAccess(), Shelf()
        self.models: list[Found] = []
        self.findings: list[Finding] = []
        self.obstacles: list[str] = []
        self.untested: dict[str, None] = {}

    def clear(self) -> None:
        """Empties the folder.

        Raises:
            UserError: it holds something else than a rehearsal.
        """
        there = self.folder.exists() and not (self.folder / MARK).is_file()
        if there and any(self.folder.iterdir()):
            message = f"'{self.folder}' is not empty and holds no rehearsal"
            raise UserError(message, help="name an empty folder, or one that is not there")
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / ".dvc").mkdir(parents=True)
        (self.folder / MARK).touch()
        (self.folder / "specs").mkdir()

    def furnish(self) -> None:
        """Writes what stands in for what is not here, copies the rest, and writes the specs."""
        contents = Contents(self.root)
        for target, source in self.toy.copies.items():
            there, here = self.folder / target, contents.place(source)
            there.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if here.is_dir() else shutil.copyfile)(here, there)
        for target, wanted in self.toy.made.tables.values():
            self._table(self.folder / target, wanted)
        for target, files in self.toy.made.files.values():
            self._files(self.folder / target, files)
        for model, target in self.toy.made.models.items():
            found = find_model(model, self.root, self.hub, chat=self._chats())
            self.models.append(self._build(found, self.folder / target))
        for name, document in self.toy.documents.items():
            path = self.folder / "specs" / f"{name}.yaml"
            path.write_text(dump(document, sort_keys=False), encoding="utf-8")

    def perform(self, say: Callable[[str], None]) -> Rehearsed:
        """Compiles the small specs, runs their stages, and sums up."""
        with rooted(self.root), scripted(self._form(), self._says()) as serving:
            compiled = self._compiled()
            played = Played(done=(), failed=(), skipped=(), seconds=0.0)
            if compiled is not None:
                write(compiled.graph, self.layout, everything=True)
                environ = reaching(self.toy.documents.values(), serving.address)
                played = play(compiled.graph, self.layout, environ=environ, say=say)
        self._told(played)
        needed = tuple(self._needs(played))
        self._left_out()
        made = self.toy.made
        return Rehearsed(
            names=tuple(spec.base.name for spec in self.script.specs),
            findings=tuple(self.findings),
            obstacles=tuple(self.obstacles),
            warnings=self.script.warnings,
            played=played,
            real=len(self.real.graph.stages),
            replaced=tuple(made.replaced),
            cuts=tuple(self.toy.cuts),
            untested=tuple(self.untested),
            asked=serving.asked,
            estimates=Estimates(students=needed, stages=costs(self.real, Layout(root=self.root))),
            folder=self.folder,
        )

    # --- what is made -----------------------------------------------------------------------------

    def _table(self, path: Path, wanted: WantedRows) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        real = real_rows(wanted, definition("source", wanted.slot_kind), self.hub)
        if real is not None:
            write_rows(path, map(dict, real))
            self._not_tested(f"the rows of '{wanted.name}' but {len(real)} of them")
            return
        made_up = rows(wanted.columns, count=wanted.count, first=wanted.first, form=wanted.form)
        try:
            write_rows(path, made_up)
        except Unmade as error:
            path.write_text("{}\n", encoding="utf-8")
            self.obstacles.append(
                f"the source '{wanted.name}' is not here, and a column for '{error}' cannot be "
                "made up"
            )
            return
        self._not_tested(f"the rows of '{wanted.name}': made-up ones stood in for them")

    def _files(self, folder: Path, wanted: WantedFiles) -> None:
        numbers = range(wanted.first, wanted.first + wanted.count)
        for option, said in wanted.said.items():
            try:
                write_made(folder / option, said, numbers, wanted.form)
            except Unmade as error:
                (folder / option).touch()
                self.obstacles.append(
                    f"the source '{wanted.name}' is not here, and cannot be made up: {error}"
                )
        self._not_tested(f"the files of '{wanted.name}': made-up ones stood in for them")

    def _build(self, found: Found, out: Path) -> Found:
        """Makes a tiny model, or one that can be made here; gives what of it was."""
        texts = [made("tokenizer", number).question for number in range(TEXTS)]
        texts += [phrased(self._form(), number) for number in range(TEXTS)]
        try:
            self.shelf.build(found.built, out, texts)
        except NotTiny as error:
            self.obstacles.append(f"the model '{found.wanted.name}': {error}")
        except NotInstalled as error:
            package = str(error)
            message = f"its processor needs {package}, which is not installed here"
            where = f"the model '{found.wanted.name}'"
            self.findings.append(Finding(where=where, message=message, help=_installing(package)))
            return self._build(found.without(package), out)
        return found

    def _chats(self) -> bool:
        prompts = [prompt for arm in self._arms() for _, prompt in arm.experiment.prompts()]
        return any(prompt.chat for prompt in prompts)

    def _form(self) -> str:
        return form_of(self.script.specs[0].arms[0])

    def _says(self) -> dict[str, Any]:
        """What the scripted teacher writes in fields of its replies, as components have it."""
        says: dict[str, Any] = {}
        for arm in self._arms():
            says |= definition("task", arm.experiment.task.kind).rehearsal.get("says", {})
            for slot, _path, options in arm.experiment.components():
                says |= definition(slot, options["kind"]).rehearsal.get("says", {})
        return says

    def _arms(self) -> list[Arm]:
        return [arm for spec in self.script.specs for arm in spec.arms]

    def _compiled(self) -> Compiled | None:
        """The small specs; None if something stands in the way, which is no fault of the spec."""
        if self.obstacles:
            return None
        paths = [self.folder / "specs" / f"{name}.yaml" for name in self.toy.documents]
        try:
            return lower(front_end(paths, root=self.folder, locks="ignore"))
        except SpecError as error:
            wrong = [one.message for one in error.diagnostics if one.severity == "error"]
            self.obstacles += [f"the spec cannot be made small: {message}" for message in wrong]
            return None

    # --- what was found ---------------------------------------------------------------------------

    def _told(self, played: Played) -> None:
        missing = [*self.script.missing]
        missing += unusable(self.script.specs, self.real.graph.stages, os.environ)
        for one in missing:
            where = str(one.span) if one.span is not None else ""
            self.findings.append(
                Finding(where=where, message=one.message, help=one.help, code=one.code)
            )
        for name, reason in self.hub.refused.items():
            message = f"the hub does not give '{name}': {reason}"
            help = "check its id, ask for access, and set HF_TOKEN"
            self.findings.append(Finding(where="the hub", message=message, help=help))
        for failure in played.failed:
            where = _where(failure.stage)
            self.findings.append(Finding(where=where, message=failure.message, help=failure.help))

    def _needs(self, played: Played) -> Iterator[StudentNeeds]:
        """What each student takes; what does not fit into it is a finding."""
        known = {found.wanted: found for found in self.models}
        for names, student, wanted in students(self._arms()):
            found = known.get(wanted) if wanted is not None else None
            if found is None or found.origin == "unknown":
                continue
            done = [stage for stage in played.done if _is_of(stage, names)]
            counts = found.built.tokenizer is not None
            measured = lengths(self.layout, done, counts=counts)
            told = needs(found, student, names, measured, counts=counts)
            if isinstance(told, str):
                self._not_tested(told)
                continue
            yield told
            for message, help in told.faults():
                where = f"arms {', '.join(names)}"
                self.findings.append(Finding(where=where, message=message, help=help))

    def _left_out(self) -> None:
        """What the rehearsal did not touch."""
        for found in self.models:
            for line in found.untested():
                self._not_tested(line)
        if self.toy.made.models and not self.hub.reached:
            self._not_tested("the hub: it was not reached, or not asked")
        for line in self.toy.made.replaced:
            slot, _, rest = line.partition(" ")
            if slot in ("backend", "teacher", "painter"):
                self._not_tested(f"the {slot} {rest.replace(':', ', for which stood')}")
        for arm in self._arms():
            for name, options in arm.experiment.teachers.items():
                item = definition("teacher", options["kind"])
                if item.marked("x-services"):
                    self._not_tested(f"the service of '{name}': a scripted one answered")
            if arm.experiment.student.train.dtype == "float16":
                self._not_tested("training in float16: bfloat16 stood in for it")
        self._not_tested("what a student learns: it was trained for two steps")

    def _not_tested(self, line: str) -> None:
        self.untested.setdefault(line)


def _installing(package: str) -> str:
    if package == "torchvision":
        return "pip install torchvision   (the build that fits the torch that is installed)"
    return f"pip install {package}"


def _is_of(stage: Stage, arms: Sequence[str]) -> bool:
    return any(use.arm in arms for use in stage.uses)


def _where(stage: Stage) -> str:
    """The uses of a stage: the first, and how many more."""
    first, *others = stage.uses
    more = f" (and {len(others)} more)" if others else ""
    return f"{first.label()}{more}"
