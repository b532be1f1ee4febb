"""What items have besides a question reaches the student, as far as definitions declare it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dataenvgym_spec.compile.rules.supply import Supply, supply
from dataenvgym_spec.compile.rules.templates import names_in
from dataenvgym_spec.core.chat_template import TOOLS, takes
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.language.declaration import FIELDS
from dataenvgym_spec.language.options import at
from dataenvgym_spec.language.student import Prompt
from dataenvgym_spec.records.layouts import BEFORE
from dataenvgym_spec.resolve.arms import Arm

CARRIERS: Final = ("model", "trainer", "backend", "engine")
"""The slots of what an item's images go through, or come from."""
SHOWN: Final = {
    "before": ("earlier turns", "add 'chat: true', or write 'before' in the template"),
    "tools": ("tools", "write them in the template: {{ tools | tojson }}"),
}
"""What a prompt has to show: in words, and how."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Fields of items that the task does not have, or that no part of the student takes."""
    task = definition("task", arm.experiment.task.kind)
    given: dict[str, str] = {}
    for name, options in arm.experiment.task.sources.items():
        for field in _given(arm, name, options):
            given.setdefault(field, name)
            if field not in task.shows:
                yield _unused(arm, name, field, task.kind)
    for field, name in given.items():
        if field in SHOWN:
            yield from _unshown(arm, name, field)
        else:
            yield from _unread(arm, name, field)


def _given(arm: Arm, name: str, options: dict[str, Any]) -> list[str]:
    """What the items of a source have: declared, named as a column, or found in its layout."""
    declared = definition("source", options["kind"])
    named = {
        column
        for path, column in declared.marked("x-column").items()
        if at(options, path) is not None
    }
    source = supply(arm, name)
    if source is not None and source.reading.layout is not None and _have_earlier(source):
        named.add(BEFORE)
    return [field for field in FIELDS if field in named or field in declared.shows]


def _have_earlier(source: Supply) -> bool:
    """Whether something was said before questions of a layout, as far as that is known.

    Where it turns out when items are drawn, the prompt says so.
    """
    if source.file is None or source.file.table is None:
        return False
    return BEFORE in {*source.file.table.columns, *source.file.table.others}


def _unused(arm: Arm, name: str, field: str, kind: str) -> Diagnostic:
    message = f"the items of '{name}' have {_words(field)}, and those of the task '{kind}' do not"
    tasks = [other for other, item in definitions()["task"].items() if field in item.shows]
    help = "take another source, or install a kind of tasks with them"
    if tasks:
        help = f"take another source, or another kind: {', '.join(tasks)}"
    return arm.node.at(("task", "sources", name, "kind")).fault("E204", message, help)


def _unread(arm: Arm, name: str, field: str) -> Iterator[Diagnostic]:
    """The parts of the student, and an engine, that work with text alone."""
    for slot, path, options in arm.experiment.components():
        if slot not in CARRIERS or field in definition(slot, options["kind"]).carries:
            continue
        message = (
            f"the {slot} '{options['kind']}' does not work with {_words(field)}, "
            f"which the items of '{name}' have"
        )
        able = [kind for kind, item in definitions()[slot].items() if field in item.carries]
        help = f"take another {slot} ({', '.join(able)})" if able else "take another source"
        yield arm.node.at((*path, "kind")).fault("E204", message, help)


def _unshown(arm: Arm, name: str, field: str) -> Iterator[Diagnostic]:
    """The prompts that do not show a field."""
    words, remedy = SHOWN[field]
    for place, prompt in arm.experiment.prompts():
        if field not in names_in(prompt.template) and not _by_chat(arm, prompt, field):
            message = f"the prompt does not show {words}, which the items of '{name}' have"
            yield arm.node.at((*place, "template")).fault("E204", message, remedy)


def _by_chat(arm: Arm, prompt: Prompt, field: str) -> bool:
    """Whether the model's chat template shows it, as far as that is known."""
    if not prompt.chat or field != "tools":
        return prompt.chat
    for path in definition("model", arm.experiment.student.model["kind"]).files:
        file = arm.references.get(("student", "model", *path))
        if file is not None and file.chat_template is not None:
            return takes(file.chat_template, TOOLS)
    return True


def _words(field: str) -> str:
    return SHOWN[field][0] if field in SHOWN else field
