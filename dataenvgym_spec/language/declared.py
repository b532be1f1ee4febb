"""A component's definition as a record, and what it says about options.

The compiler knows no option of a component by name. What it has to know is declared, by keywords
beside those of JSON Schema, at any depth of `properties`:

    x-refers     names a component of the spec: a "source" or a "teacher"
    x-takes      beside it: what that has to be, "procedural", a "language-model", or a source with
                 "variants" or "rows"
    x-slot       holds a component of a slot; `x-takes` beside it: a model that is "ready"
    x-file       a path: of a "template", of "data" (JSON lines), of a "table" (any format of
                 `records.formats`), "whole" (of any other format), of a "directory", or of a
                 file of "skills"
    x-names      beside x-file: the names that the template may use
    x-revision   a revision of a "model" or a "dataset" of the hub, beside its `id`
    x-groups     of a source: a mapping whose keys are its groups; words for one, many, their items
    x-sizes      beside it: how many items a group has at most (see compile/rules/capacity.py)
    x-metadata   beside it: what prompts may show of an item's metadata, by the key of its group
    x-options    beside it: a generator's own options and their values, by the key of its group
                 (see compile/rules/generators.py)
    x-clusters-by  beside it: the key of a group; groups that are equal in it share clusters
    x-groups-of  a mapping whose keys are groups of the source that the option at a path names
    x-student    of what reads a student: which, the "latest" or the "base"
    x-backend    the backend in which a component has the student generate
    x-instead    of what reads the pool: an option that, where it is there, stands in its place
    x-column     of a source or an engine: the column with the "input", "target", "group",
                 "cluster", "metadata" or "before" of items; of an engine also the "rejected"
                 answer
    x-layout     of a source with columns: the layout of its rows (see records/layouts.py)
    x-bad-rows   of such a source: whether rows that cannot be used are an error ("refuse"), or left
                 out ("skip")
    x-slices     of such a source, true: a mapping from names to columns that the report tells items
                 apart by
    x-join       of such a source, true: a mapping that names another `source`, whose rows its own
                 are joined with
    x-without    of such a source, true: the same, of rows or items that it leaves out
    x-match      inside of these: a column by which rows are compared, its "own" or the "other"'s
    x-compares   of a trainer: the value with which examples have to bring a worse answer
    x-splits     of a check that reads splits: which
    x-ngrams     of such a check: the words in an n-gram, whose hashes it compares
    x-images     of such a check, true: in how many bits the hashes of images that it compares may
                 differ
    x-shows      of what asks a teacher: an option with which that is shown images, of the student's
                 "errors" or of "candidates"
    x-needs      of an option with a default: it acts only where the arm observes one of these, of
                 "errors", "scores" and "yield"; elsewhere it is in no key
    x-services   of a component that asks a remote service: names its provider; what is known of
                 some: their "url", the "variable" of the environment that says it, and the
                 variable of their "key" (see language/services.py)
    x-address    beside it, true: where the service is
    x-key        beside it, true: the variable of the environment that holds its key
    x-command    beside it, true: its address, or a command in place of one, is for the user's
                 environment alone to say
    x-circumstance  true: the option changes no result, so it is in no key at all, and reaches
                 whoever runs the stage beside it (see emit/circumstances.py)
    x-answers    of what asks a teacher: how many answers it draws to each question
    x-batched    of a teacher, true: whether questions are handed in as batches, which services
                 bill at another price
    x-priced     of a painter that asks a service, true: an option by which an image's price goes
    x-candidates  of an engine that has images painted: how many it makes for an example
    x-picks      of a policy: a number of skills that it picks in an iteration, to learn from them
    x-pool-items  of a policy: how many items of the pool it shows at once
    x-skills     of a proposer or a policy: a mapping whose keys are skills of the task
    x-clusters   of a discovery: into how many groups it divides the shown items, "exactly" or
                 "at-least"
    x-recipe     of a model: the training that makes the base student; which of its options give,
                 multiplied, how many examples it looks at
    x-measure    a number that limits are about: "width", "heads", "head", "positions", "rank"
    x-list       beside an `enum`, at any depth of the schema: what its values are, in words
    x-measures   beside x-file: the same, by the keys of a model's configuration in the directory
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dataenvgym_spec.core.errors import MissingExtra
from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.language.options import at
from dataenvgym_spec.language.packages import source_version

OptionPath = tuple[str, ...]
"""A path of keys inside of a component's options."""

LAST: Final = 1000
"""The order of a component that declares none."""
REFERRED: Final[dict[str, OptionPath]] = {"source": ("task", "sources"), "teacher": ("teachers",)}
"""The slots whose components a spec gives names, and where: what `x-refers` can refer to."""


SLOTS: Final = (
    "task",
    "source",
    "scorer",
    "model",
    "adapter",
    "discovery",
    "policy",
    "proposer",
    "teacher",
    "engine",
    "painter",
    "check",
    "environment",
    "trainer",
    "backend",
    "sandbox",
)
"""What components are plugged into."""
Promise = Literal["anywhere", "same-machine", "none"]
"""What running something again gives: the same bytes anywhere, on the same machine, or neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An option that stands for another component.

    Attributes:
        path: where the option is.
        slot: the slot of the other component.
        by: whether the option names one of the spec's components, or holds one.
        required: whether it cannot be left out.
        takes: what the other component has to be; any if None.
    """

    path: OptionPath
    slot: str
    by: Literal["name", "value"]
    required: bool = False
    takes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bound on a measure of an arm. A text in place of a number is another measure.

    Attributes:
        measure: what is bounded.
        most: its largest value.
        one_of: its allowed values.
        multiple_of: the factors of what it is a multiple of.
        message: what is wrong; the measures and the bound stand in braces.
        help: what to do about it.
    """

    measure: str
    message: str
    help: str
    most: int | str | None = None
    one_of: tuple[int, ...] = ()
    multiple_of: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One component that a spec can name.

    Attributes:
        semantics: versions its results; None for a package that is versioned by its source.
        schema: `properties` and `required` of its options.
        implementation: its class, as `module:Class`; of a task, which has none, its module.
        extra: of ours that brings the packages it needs.
        cpu_extra: the extra on a machine without GPUs, if that is another.
        packages: the modules it needs.
        serves: what it works with: the allowed values of `task`, `decoding` or `prompt`, or of
            another slot; left out means all.
        parts: the options that stand for other components.
        files: the paths of the options that name files.
        marks: the options that carry a keyword of ours: path and value, by keyword.
        limits: bounds on what it works with.
        reads: what it receives besides what all of its slot do (see `declaration.READS`).
        procedural: of a source or a teacher: whether it makes new problems without end; of an
            engine: whether no model writes any of its examples.
        selects: of an engine: whether its questions are items of what it reads, none of them twice.
        subskills: of an engine: "any" if it makes examples of whatever a subskill is called,
            "variants" if of those that are variants of a source that it draws from.
        variants: of a source: whether it has harder and easier variants of its groups.
        ready: of a model: whether it exists, so that the store refers to it.
        device: of a teacher or a painter: whether a model runs in the stage that asks it, on a GPU
            where there is one.
        kept: of a teacher on a device whose model is in a server that a run keeps for all of its
            stages: the options by which servers of one model differ. None of any other.
        judges: of an engine or a trainer: whether it is handed the scorer of the task.
        adapts: of a backend: whether it can be given another adapter of the same base model, and be
            asked again where it has none; "freely" if adapters of any shape, or none after one.
        divides: of a backend: whether it says which prompts it generates side by side, so that
            several processes can share an evaluation; or the name of its option by which it does.
        recalls: of an engine: whether it is handed the examples that its arm has so far.
        idles: of an environment: whether an action in it may ask for nothing.
        several: of a scorer: whether any of several answers of an item is right.
        verifier: of a source: whether its items carry one; of a check: whether it judges by it; of
            a scorer: whether it can judge by nothing else.
        unverified: of an engine: whether its examples carry no verifier, since their answers are
            a model's or a file's own.
        executes: of a scorer: whether it executes programs, by `programs` that it is handed.
        bare: of an engine: whether its examples carry no metadata, unless a column of its own
            (`x-column`) holds some.
        skills: of a discovery: "groups" if its skills are the groups of the source.
        identifies: of a source or an engine: whether it works out what items are the same, by
            what of a question does not count (`ignores` of the task), which it is handed as `form`.
        shapes: of an engine or a check whose teacher writes answers: whether it is handed what an
            answer is, as `answers`, where that is not a text.
        answers: of a task: "calls" if its answers are calls of tools; else texts.
        ignores: of a task: what of a question does not count; see `records.items.IGNORED`.
        prompts: of a task: its texts of built-in templates, by their names.
        shows: of a task or a source: what its items may have besides a question and an answer.
        carries: of a model, a trainer, a backend or an engine: which of these fields it works with;
            of a teacher: "images" if it sees.
        rejects: of a check: "repeats" if accepted examples are distinct because of it.
        promise: what running it again gives if not what its stage kind does.
        rehearsal: what stands in for it in a rehearsal: the `kind` of another component of its
            slot; `options`, of which numbers are upper bounds; `files` that are made up, by the
            option that names each, and options that are `set` then; what a scripted teacher `says`,
            by the field of its reply; of a scorer the `target` of a row that is made up, with
            ANSWER for a number.
        standard: whether it is the one of its slot that holds where a spec names none.
        order: where it stands among those of its slot; of equal ones the name decides.
        distribution: the package that brings it; None for a built-in one.
    """

    slot: str
    kind: str
    title: str
    description: str
    semantics: int | None
    schema: dict[str, Any]
    implementation: str
    extra: str | None
    packages: tuple[str, ...]
    serves: dict[str, tuple[str, ...]]
    parts: tuple[Part, ...] = ()
    files: tuple[OptionPath, ...] = ()
    marks: dict[str, dict[OptionPath, Any]] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    reads: str | None = None
    procedural: bool = False
    selects: bool = False
    variants: bool = False
    ready: bool = False
    device: bool = False
    kept: tuple[str, ...] | None = None
    judges: bool = False
    adapts: bool | str = False
    divides: bool | str = False
    recalls: bool = False
    idles: bool = False
    several: bool = False
    verifier: bool = False
    unverified: bool = False
    executes: bool = False
    bare: bool = False
    skills: str | None = None
    subskills: str | None = None
    identifies: bool = False
    shapes: bool = False
    answers: str | None = None
    shows: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    prompts: Mapping[str, str] = field(default_factory=dict)
    rejects: str | None = None
    promise: Promise | None = None
    rehearsal: Mapping[str, Any] = field(default_factory=dict)
    standard: bool = False
    order: int = LAST
    distribution: str | None = None
    cpu_extra: str | None = None

    @property
    def runs_programs(self) -> bool:
        """Whether it executes what a model wrote, itself or by a sandbox that it may hold."""
        return self.executes or any(part.slot == "sandbox" for part in self.parts)

    def marked(self, keyword: str) -> dict[OptionPath, Any]:
        """The options that carry a keyword of ours: path and value."""
        return self.marks.get(keyword, {})

    def read_with(
        self, options: Mapping[str, Any], parts: Collection[OptionPath] = ()
    ) -> str | None:
        """What a component with some options reads; `base` where it asks for the base student.

        Args:
            options: its own.
            parts: the paths of those that stand for other components, where they are kept apart.
        """
        if any(at(options, path) == "base" for path in self.marked("x-student")):
            return "base"
        for path in self.marked("x-instead"):
            if path in parts or at(options, path) is not None:
                return None
        return self.reads

    def version(self) -> int | str:
        """What enters keys: the declared number, or the hash of the package's source."""
        if self.semantics is not None:
            return self.semantics
        module = self.implementation.partition(":")[0]
        return source_version(module.partition(".")[0])

    def release(self) -> str:
        """The release of the distribution that brings it; empty if it is not installed as one."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version(self.distribution or "dataenvgym-spec")
        except PackageNotFoundError:
            return ""

    def load(self) -> Any:
        """Imports and returns the component's class.

        Raises:
            MissingExtra: a package it needs is not installed.
        """
        module, _, name = self.implementation.partition(":")
        for package in self.missing():
            raise self._missing(package)
        try:
            return getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            raise self._missing(error.name or module) from error

    def missing(self) -> tuple[str, ...]:
        """The packages it needs that are not installed here. None is imported."""
        # The outermost package is looked up alone: for an inner one it would be imported.
        tops = dict.fromkeys(package.partition(".")[0] for package in self.packages)
        return tuple(package for package in tops if importlib.util.find_spec(package) is None)

    def extra_here(self) -> str | None:
        """The extra that brings what it needs on this machine; None if none does."""
        if self.cpu_extra is not None and not gpu_count():
            return self.cpu_extra
        return self.extra

    def _missing(self, package: str) -> MissingExtra:
        return MissingExtra(package, self.extra_here(), f"the {self.slot} '{self.kind}'")
