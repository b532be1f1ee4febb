"""Templates are Jinja, and use only what they are given.

That of a student's prompt is given what an item has, and that of a component what it declares
(`x-names`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from dataenvgym_spec.compile.rules.supply import Supply, of_engine
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.options import at
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.files import template_text

NAMES = frozenset({"input", "group", "metadata", "before", "tools"})
"""What the template of a student's prompt sees; a test renders each."""
_GUARDS = ("defined", "undefined", "default", "d")
"""Tests and filters of Jinja that take a name which may be unknown."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Templates that cannot be parsed, or use a name that they are not given."""
    for place, prompt in arm.experiment.prompts():
        yield from _check(arm, prompt.template, arm.node.at((*place, "template")))
    yield from _examples(arm)
    task = definition("task", arm.experiment.task.kind)
    for slot, place, options in arm.experiment.components():
        declared = definition(slot, options["kind"])
        for path, names in declared.marked("x-names").items():
            given = at(options, path)
            if given is not None:
                node = arm.node.at((*place, *path))
                giver = f"which the {slot} '{declared.kind}' does not give"
                yield from _unusable(template_text(given, task), node, frozenset(names), giver)


def _unusable(template: str, node: Node, known: frozenset[str], giver: str) -> Iterator[Diagnostic]:
    """That a template cannot be parsed, or each name in it that it is not given."""
    wrong = _syntax(template)
    if wrong:
        message = f"the template '{node.value}' is no valid Jinja: {wrong}"
        yield node.fault("E203", message, "correct the template")
        return
    names, _ = _used(template)
    for name in sorted(names - known):
        message = f"the template '{node.value}' uses '{name}', {giver}"
        yield node.fault("E203", message, suggest(name, known))


def _check(arm: Arm, template: str, node: Node) -> Iterator[Diagnostic]:
    """What is wrong with the template of a student's prompt."""
    yield from _unusable(template, node, NAMES, "which no item has")
    if _syntax(template):
        return
    _, fields = _used(template)
    readable = _readable(arm)
    if readable is None:
        return
    for field in sorted(fields - readable):
        message = f"the template '{node.value}' uses 'metadata.{field}', which no item has"
        yield node.fault("E203", message, suggest(field, readable))


def _examples(arm: Arm) -> Iterator[Diagnostic]:
    """A student's prompt that shows metadata, and an engine whose examples have none of it."""
    record = arm.experiment
    declared = definition("engine", record.agent.engine["kind"])
    template = record.student.prompt.template
    if record.data_from is not None or not declared.bare or _syntax(template):
        return
    _, fields = _used(template)
    rows = of_engine(arm)
    if not fields or (rows is not None and _holds_some(rows, fields)):
        return
    name = arm.node.at(("student", "prompt", "template")).value
    message = f"the template '{name}' uses 'metadata.{min(fields)}', which no example of the "
    message += f"engine '{declared.kind}' has"
    help = "write a template that uses 'input', or guard it: metadata.NAME | default(input)"
    place: tuple[str, ...] = ("agent", "engine")
    option = None if rows is None else rows.column_option("metadata")
    if option is not None:
        path = ".".join((*place, *option))
        help = f"name the column that holds it as '{path}', or {help}"
        named_one = rows is not None and "metadata" in rows.columns
        place = (*place, *option) if named_one else place
    yield arm.node.at(place).fault("E204", message, help)


def _holds_some(rows: Supply, fields: frozenset[str]) -> bool:
    """Whether rows have metadata with some of these names, as far as the file was looked into.

    Which of them a row needs may depend on its group.
    """
    column = rows.columns.get("metadata")
    if column is None:
        return False
    if rows.file is None or rows.file.table is None:
        return True
    every = {*rows.file.table.columns, *rows.file.table.others}
    return any(f"{column.name}.{field}" in every for field in fields)


def names_in(template: str) -> frozenset[str]:
    """The names that a template takes from outside; none if it cannot be parsed."""
    return frozenset() if _syntax(template) else _used(template)[0]


@lru_cache(maxsize=256)
def _syntax(template: str) -> str:
    """What is wrong with a template's syntax."""
    try:
        SandboxedEnvironment().parse(template)
    except jinja2.TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:  # a number of more digits than Python converts
        return str(error)
    return ""


@lru_cache(maxsize=256)
def _used(template: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a template takes from outside, and the fields of `metadata` among them."""
    environment = SandboxedEnvironment()
    tree = environment.parse(template)
    try:
        names = meta.find_undeclared_variables(tree)
    except jinja2.TemplateError:  # an unknown filter or test, say: told when it is rendered
        return frozenset(), frozenset()
    guarded = {id(inner) for guard in _guards(tree) for inner in guard.find_all(nodes.Expr)}
    safe = {inner.name for inner in tree.find_all(nodes.Name) if id(inner) in guarded}
    fields: set[str] = set()
    for access in tree.find_all((nodes.Getattr, nodes.Getitem)):
        if id(access) not in guarded:
            fields.add(_field(access))
    fields.discard("")
    return frozenset(names - environment.globals.keys() - safe), frozenset(fields)


def _guards(tree: nodes.Template) -> Iterator[nodes.Node]:
    """The parts of a template in which an unknown name is no error."""
    for node in tree.find_all((nodes.Test, nodes.Filter)):
        if node.name in _GUARDS:
            yield node


def _field(access: nodes.Expr) -> str:
    """The field of `metadata` that is read; empty if it is no constant one, or a method."""
    of = getattr(access, "node", None)
    if not isinstance(of, nodes.Name) or of.name != "metadata":
        return ""
    if isinstance(access, nodes.Getattr):
        return "" if hasattr(dict, access.attr) else access.attr
    key = getattr(access, "arg", None)
    return key.value if isinstance(key, nodes.Const) and isinstance(key.value, str) else ""


def _readable(arm: Arm) -> frozenset[str] | None:
    """The metadata that some item of the sources may have; None if a source declares nothing."""
    names: set[str] = set()
    for slot, _, options in arm.experiment.components():
        if slot != "source":
            continue
        marks = definition(slot, options["kind"]).marked("x-metadata")
        if not marks:
            return None
        for path, declared in marks.items():
            names.update(declared["always"])
            for group in (at(options, path) or {}).values():
                names.update(declared["names"].get(group.get(declared["by"]), ()))
    return frozenset(names)
