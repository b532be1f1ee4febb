"""What the schema cannot say about splits and combinations, checked over a resolved spec. Reports; changes nothing.

Names are in `references`, what fits what in `fit`, what sources hold in `supply`, experiments that are one in `twins`. A name or a file may still be unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from dataenvgym_spec.compile.rules import compatibility, sources
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.lanes import DEFAULT_SHARES, lanes


def check(resolved: Resolved) -> list[Diagnostic]:
    """All findings about the meaning of a spec."""
    found = list(_seeds(resolved))
    for arm in resolved.arms:
        for rule in (_shares, _shared_splits, _overlaps, _generating, _templates, _scratch, _stops):
            found += rule(arm)
        found += [*compatibility.check(arm), *sources.check(arm, lanes(arm))]
    return found


def _seeds(resolved: Resolved) -> Iterator[Diagnostic]:
    seeds = resolved.base.seeds.runs()
    if len(set(seeds)) != len(seeds):
        yield resolved.node.at(("seeds", "run")).fault(
            "E204", "a run seed is listed twice", "list each seed once"
        )


def _shared_splits(arm: Arm) -> Iterator[Diagnostic]:
    for role in DEFAULT_SHARES:
        other = getattr(arm.experiment.task.splits, role).same_as
        if other is not None:
            node = arm.node.at(("task", "splits", role, "same_as"))
            message = f"'{role}' and '{other}' are the same items"
            help = "what is said about one was looked at in the other role too; the report is stamped with it"
            yield node.fault("W402", message, help, severity="warning")


def _stops(arm: Arm) -> Iterator[Diagnostic]:
    stop, iterations = arm.experiment.loop.stop, arm.experiment.loop.iterations
    if stop is None:
        return
    # The first iteration sets the score to beat, and after the last one there is nothing to stop.
    if stop.patience > iterations - 2:
        node = arm.node.at(("loop", "stop", "patience"))
        message = f"a patience of {stop.patience} can never stop a loop of {_turns(iterations)}"
        less = (
            f"lower 'patience' to at most {iterations - 2}"
            if iterations > 2
            else f"run at least {stop.patience + 2} iterations"
        )
        yield node.fault("W403", message, f"{less}, or leave 'stop' out", severity="warning")
    elif arm.experiment.select.by == "last":
        node = arm.node.at(("select", "by"))
        message = f"the loop stops when {_turns(stop.patience)} brought no better score, and then the last of those is called best"
        yield node.fault(
            "W403",
            message,
            "write 'by: selection.accuracy', or leave 'loop.stop' out",
            severity="warning",
        )


def _turns(count: int) -> str:
    return f"{count} iteration{'s' if count > 1 else ''}"


def _overlaps(arm: Arm) -> Iterator[Diagnostic]:
    """Two splits of the same rows that are not kept apart by the same column: a row may be drawn into both."""
    task = arm.experiment.task
    first: dict[str, tuple[str, str]] = {}
    for role in DEFAULT_SHARES:
        split = getattr(task.splits, role)
        source = task.sources.get(split.from_, {})
        if (
            "fields" not in source or split.same_as is not None or source.get("path") == ""
        ):  # a file that is not there is told as such
            continue
        fields = source["fields"]
        rows = json.dumps(
            {key: value for key, value in source.items() if key != "fields"}, sort_keys=True
        )
        column = str(fields.get("cluster", fields["input"]))
        other, theirs = first.setdefault(rows, (role, column))
        if column != theirs:
            message = f"'{other}' and '{role}' may overlap: they draw from the same rows, one by the column '{theirs}', the other by '{column}'"
            yield arm.node.at(("task", "splits", role, "from")).fault(
                "E202", message, "let both draw from one source"
            )


def _shares(arm: Arm) -> Iterator[Diagnostic]:
    total = max(high for _, high in lanes(arm).values())
    if total > 0.95:
        node = arm.node.at(("task", "splits"))
        yield node.key_fault(
            "E202",
            f"the splits own {total:.2f} of the hash space",
            "let the shares sum to at most 0.95",
        )


def _generating(arm: Arm) -> Iterator[Diagnostic]:
    """Sources that must make new problems: those of teachers and of pretraining."""
    record, model = arm.experiment, arm.experiment.student.model
    uses: list[tuple[object, tuple[str, ...]]] = [
        (teacher.get("source"), ("teachers", name, "source"))
        for name, teacher in record.teachers.items()
    ]
    if model["kind"] == "scratch":
        uses.append((model["pretrain"]["source"], ("student", "model", "pretrain", "source")))
    for name, path in uses:
        source = record.task.sources.get(str(name))
        if source is not None and not definition("source", source["kind"]).procedural:
            message = f"the source '{name}' cannot make new problems"
            yield arm.node.at(path).fault(
                "E204", message, "name a procedural source, such as reasoning-gym"
            )


def _scratch(arm: Arm) -> Iterator[Diagnostic]:
    model = arm.experiment.student.model
    if model["kind"] == "scratch" and model["hidden_size"] % (2 * model["heads"]):
        node = arm.node.at(("student", "model"))
        message = f"{model['heads']} heads do not fit a width of {model['hidden_size']}"
        yield node.at(("hidden_size",)).fault(
            "E204", message, "make the width a multiple of twice the heads"
        )


def _templates(arm: Arm) -> Iterator[Diagnostic]:
    wrong = _syntax(arm.experiment.student.prompt.template)
    if wrong:
        node = arm.node.at(("student", "prompt", "template"))
        yield node.fault(
            "E203",
            f"the template '{node.value}' is no valid Jinja: {wrong}",
            "correct the template",
        )


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
