"""The components of an arm as stages use them.

Each with what it refers to bound, and the files that it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.graph.params import Conversation, Shots
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.options import at, with_value
from dataenvgym_spec.language.student import Prompt
from dataenvgym_spec.records.items import WORDS, Form, form_name
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.files import template_text
from dataenvgym_spec.resolve.lanes import owners

Named = str | Mapping[str, Any]
"""A component as a resolved spec has it: its options with `kind`, or its kind alone."""


class Binder:
    """Binds the components of one arm."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        record = arm.experiment
        self.named = {"source": record.task.sources, "teacher": record.teachers}
        self.task = definition("task", record.task.kind)
        usual = form_name(self.task.ignores) == form_name(WORDS)
        self.form = None if usual else self.task.ignores
        """What of a question does not count; None where it is the usual one, as keys have it."""
        self._bound: dict[tuple[str, str | int], tuple[Named, Component]] = {}

    def component(self, slot: str, given: Named) -> Component:
        """A component with its parts."""
        # Splits and checks name the same sources again and again. What is bound is kept with what
        # it was bound from: as long as that lives, nothing else gets its id.
        mark = (slot, given if isinstance(given, str) else id(given))
        if mark not in self._bound:
            self._bound[mark] = given, self._bind(slot, given)
        return self._bound[mark][1]

    def _bind(self, slot: str, given: Named) -> Component:
        options = {"kind": given} if isinstance(given, str) else given
        bound = Component.bind(slot, options, lambda slot, name: self.named[slot][name])
        acting = bound.acting(self.arm.experiment.agent.sees)
        return _of_task(acting, self.task, self.form)

    def source(self, role: str) -> Component:
        """The source that the split of a role draws from."""
        split = self.arm.experiment.task.splits.drawn()[role]
        return self.component("source", self.named["source"][split.from_])

    def probed(self, name: str) -> Component:
        """The source that another test set draws from."""
        probe = self.arm.experiment.task.splits.probes[name]
        return self.component("source", self.named["source"][probe.from_])

    def splits(self) -> dict[str, Component]:
        """The sources of all splits that draw their own items, by role."""
        splits = self.arm.experiment.task.splits.drawn()
        return {role: self.source(role) for role, split in splits.items() if split.same_as is None}

    def shots(self, prompt: Prompt) -> Component | None:
        """The source of what a prompt asks and answers before; None if it is the pool or nothing.

        The pool is an input.
        """
        if prompt.few_shot is None or prompt.few_shot.from_ == "pool":
            return None
        return self.component("source", self.named["source"][prompt.few_shot.from_])

    def apart(self, role: str) -> dict[str, Component] | None:
        """The sources of earlier splits that lanes do not keep apart from a split; None if none.

        Lanes keep splits apart which draw a number of items. A split that is a whole source has no
        lane to itself: of what its source and that of another one hold, the earlier split has it.
        """
        splits, whole = self.arm.experiment.task.splits.drawn(), owners(self.arm)
        mine = splits[role].same_as or role
        found = {}
        for earlier in splits:
            if earlier == mine:
                break
            other = splits[earlier]
            if other.same_as is None and {earlier, mine} & set(whole):
                found[earlier] = self.source(earlier)
        return found or None

    def untaught(self) -> dict[str, Component] | None:
        """The sources of splits that must not be taught, where lanes do not keep them apart."""
        splits = self.arm.experiment.task.splits.drawn()
        named = {role: split for role, split in splits.items() if role in RESERVED}
        whole = [role for role, split in named.items() if isinstance(split.draw, str)]
        return {role: self.source(role) for role in whole} or None

    def checks(self) -> tuple[Component, ...]:
        """The checks that are not off, in the order in which they judge."""
        named = self.arm.experiment.agent.checks
        active = [name for name, options in named.items() if options["action"] != "off"]
        ordered = sorted(active, key=lambda name: (definition("check", name).order, name))
        return tuple(self.component("check", named[name]) for name in ordered)

    def files(self, params: Params) -> dict[str, str]:
        """Where the files lie that the components of some parameters name by digest."""
        if not self.arm.files:  # most arms, and the stages of a sweep are many
            return {}
        made_of = (part for _, component in params.components() for part in component.walk())
        digests = (digest for part in made_of for digest in _digests(part))
        known = self.arm.files
        return {digest: known[digest].path for digest in digests if digest in known}


def _digests(component: Component) -> Iterable[str]:
    """What a component says where its definition declares a file."""
    for path in component.definition.files:
        value = at(component.options, path)
        if isinstance(value, str):
            yield value


def _of_task(component: Component, task: Definition, form: Form | None) -> Component:
    """The component with what it takes from the kind of the task.

    That is the texts of the built-in templates that it names by default, what of a question does
    not count, and what an answer is.
    """
    options = dict(component.options)
    if form is not None and component.definition.identifies:
        options["form"] = list(form)
    if task.answers is not None and component.definition.shapes:
        options["answers"] = task.answers
    for path, what in component.definition.marked("x-file").items():
        value = at(options, path)
        if what == "template" and isinstance(value, str):
            options = with_value(options, path, template_text(value, task))
    parts = {path: _of_task(part, task, form) for path, part in component.parts.items()}
    return replace(component, options=options, parts=parts)


def conversation(prompt: Prompt) -> Conversation | None:
    """What prompts that are conversations have in common; None of those that are texts."""
    if not prompt.chat:
        return None
    shots = None if prompt.few_shot is None else Shots(count=prompt.few_shot.count)
    return Conversation(system=prompt.system, few_shot=shots, thinking=prompt.thinking)


def spans_groups(source: Component) -> bool:
    """Whether items of one cluster may lie in several groups.

    They may where columns name group and cluster, and where two groups have an equal value of the
    key that `x-clusters-by` names. Of a package nothing is known.
    """
    declared = source.definition
    if declared.distribution is not None:
        return True
    columns = declared.marked("x-column").items()
    named = {held for path, held in columns if at(source.options, path) is not None}
    if {"group", "cluster"} <= named:
        return True
    for path, key in declared.marked("x-clusters-by").items():
        values = [group.get(key) for group in (at(source.options, path) or {}).values()]
        if len(set(values)) < len(values):
            return True
    return False


RESERVED: Final = ("test", "selection", "feedback")
"""The roles of splits that nothing may be taught of."""


def reserved(check: Component, every: Iterable[str]) -> set[str]:
    """The splits that a check keeps examples clear of: those that its `x-splits` lists, or all."""
    roles: set[str] = set()
    for path in check.definition.marked("x-splits"):
        roles.update(at(check.options, path) or ())
    return roles or set(every)


def ngram_sizes(checks: Iterable[Component], every: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The lengths of n-grams that checks compare with those of a split, by split."""
    every, sizes = list(every), dict[str, set[int]]()
    for check in checks:
        for path in check.definition.marked("x-ngrams"):
            for role in reserved(check, every):
                sizes.setdefault(role, set()).add(at(check.options, path))
    return {role: tuple(sorted(found)) for role, found in sorted(sizes.items())}


def looked_at(checks: Iterable[Component], every: Iterable[str]) -> tuple[str, ...]:
    """The splits with whose images checks compare those of examples, sorted."""
    every, roles = list(every), set[str]()
    for check in checks:
        if check.definition.marked("x-images"):
            roles |= reserved(check, every)
    return tuple(sorted(roles))
