"""What the schema cannot say: references, splits and combinations, checked over a resolved spec. Reports; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import jinja2
import msgspec
from jinja2.sandbox import SandboxedEnvironment

from dataenvgym_spec import fit
from dataenvgym_spec.components import definition
from dataenvgym_spec.errors import Diagnostic, suggest
from dataenvgym_spec.resolve import Arm, Resolved

DEFAULT_SHARES: Final = {"test": 0.10, "selection": 0.05, "feedback": 0.10}


def check(resolved: Resolved) -> list[Diagnostic]:
    """All findings about the meaning of a spec."""
    found = [*_contrasts(resolved), *_twins(resolved)]
    for arm in resolved.arms:
        for rule in (_sources, _shares, _sizes, _teachers, _pretraining, _templates, _scratch, _shared_splits):
            found += rule(arm)
        if all(finding.severity == "warning" for finding in found):
            found += fit.check(arm, lanes(arm))
    return found


def lanes(arm: Arm) -> dict[str, tuple[float, float]]:
    """The part of the hash space [0, 1) that each role owns, in a fixed order of roles.

    A split draws only from its own lane, so growing one never moves an item of another and no split reads another. What
    lies above the last lane belongs to no split.
    """
    splits = {role: getattr(arm.experiment.task.splits, role) for role in DEFAULT_SHARES}
    out: dict[str, tuple[float, float]] = {}
    low = 0.0
    for role, split in splits.items():
        if split.same_as is None:
            share = split.share or DEFAULT_SHARES[role]
            out[role] = (round(low, 9), round(low + share, 9))
            low += share
    return {role: out[split.same_as or role] for role, split in splits.items()}


def _contrasts(resolved: Resolved) -> Iterator[Diagnostic]:
    names = [arm.name for arm in resolved.arms]
    for index, contrast in enumerate(resolved.base.analysis.contrasts):
        for key in ("arm", "against"):
            if getattr(contrast, key) not in names:
                node = resolved.node.at(("analysis", "contrasts", index, key))
                yield node.fault("E201", f"there is no arm '{getattr(contrast, key)}'", suggest(getattr(contrast, key), names))
    seeds = resolved.base.seeds.runs()
    if len(set(seeds)) != len(seeds):
        yield resolved.node.at(("seeds", "run")).fault("E204", "a run seed is listed twice", "list each seed once")


def _twins(resolved: Resolved) -> Iterator[Diagnostic]:
    """Arms that are one and the same experiment."""
    first: dict[bytes, str] = {}
    for arm in resolved.arms:
        other = first.setdefault(msgspec.json.encode(arm.experiment), arm.name)
        if other != arm.name:
            node = resolved.node.at(("arms", arm.name))
            message = f"the arms '{other}' and '{arm.name}' resolve to the same experiment"
            yield node.key_fault("W401", message, "remove one, or change what it was meant to change", severity="warning")


def _shared_splits(arm: Arm) -> Iterator[Diagnostic]:
    for role in DEFAULT_SHARES:
        other = getattr(arm.experiment.task.splits, role).same_as
        if other is not None:
            node = arm.node.at(("task", "splits", role, "same_as"))
            message = f"'{role}' and '{other}' are the same items"
            help = "what is said about one was looked at in the other role too; the report is stamped with it"
            yield node.fault("W402", message, help, severity="warning")


def _sources(arm: Arm) -> Iterator[Diagnostic]:
    sources = arm.experiment.task.sources
    for role in DEFAULT_SHARES:
        name = getattr(arm.experiment.task.splits, role).from_
        if name not in sources:
            node = arm.node.at(("task", "splits", role, "from"))
            yield node.fault("E201", f"there is no source '{name}'", suggest(name, sources))


def _shares(arm: Arm) -> Iterator[Diagnostic]:
    total = max(high for _, high in lanes(arm).values())
    if total > 0.95:
        node = arm.node.at(("task", "splits"))
        yield node.key_fault("E202", f"the splits own {total:.2f} of the hash space", "let the shares sum to at most 0.95")


def _sizes(arm: Arm) -> Iterator[Diagnostic]:
    for role, (low, high) in lanes(arm).items():
        split = getattr(arm.experiment.task.splits, role)
        file = arm.files.get(str(arm.experiment.task.sources.get(split.from_, {}).get("path")))
        wanted = split.draw.items or split.draw.per_group
        # What a hash lane holds varies; only what no luck can give is an error before the run.
        if file is not None and file.rows is not None and wanted > file.rows:
            node = arm.node.at(("task", "splits", role, "draw"))
            yield node.fault("E202", f"'{role}' asks for {wanted} items, but '{file.path}' has {file.rows}", "draw fewer items or name a larger source")
        elif file is not None and file.rows is not None and wanted > 2 * (high - low) * file.rows + 20:
            node = arm.node.at(("task", "splits", role, "draw"))
            message = f"'{role}' asks for {wanted} items, but its share of {high - low:.2f} of the {file.rows} items of '{file.path}' holds far fewer"
            yield node.fault("E202", message, f"raise 'share' of '{role}' or draw fewer items")


def _teachers(arm: Arm) -> Iterator[Diagnostic]:
    record = arm.experiment
    engine = record.agent.engine
    name = str(engine["teacher"])
    if name not in record.teachers:
        yield arm.node.at(("agent", "engine", "teacher")).fault("E201", f"there is no teacher '{name}'", suggest(name, record.teachers))
    for name, teacher in record.teachers.items():
        yield from _procedural(arm, str(teacher["source"]), ("teachers", name, "source"))


def _pretraining(arm: Arm) -> Iterator[Diagnostic]:
    model = arm.experiment.student.model
    if model["kind"] != "scratch":
        return
    path = ("student", "model", "pretrain", "source")
    source = str(model["pretrain"]["source"])
    yield from _procedural(arm, source, path)
    families = arm.experiment.task.sources.get(source, {}).get("families", {})
    for group in model["pretrain"]["examples"]:
        if families and group not in families:
            node = arm.node.at(("student", "model", "pretrain", "examples", group))
            yield node.key_fault("E201", f"there is no family '{group}' in '{source}'", suggest(group, families))


def _procedural(arm: Arm, name: str, path: tuple[str, ...]) -> Iterator[Diagnostic]:
    sources = arm.experiment.task.sources
    node = arm.node.at(path)
    if name not in sources:
        yield node.fault("E201", f"there is no source '{name}'", suggest(name, sources))
    elif not definition("source", sources[name]["kind"]).procedural:
        yield node.fault("E204", f"the source '{name}' cannot make new problems", "name a procedural source, such as reasoning-gym")


def _scratch(arm: Arm) -> Iterator[Diagnostic]:
    model = arm.experiment.student.model
    if model["kind"] == "scratch" and model["hidden_size"] % (2 * model["heads"]):
        node = arm.node.at(("student", "model"))
        message = f"{model['heads']} heads do not fit a width of {model['hidden_size']}"
        yield node.at(("hidden_size",)).fault("E204", message, "make the width a multiple of twice the heads")


def _templates(arm: Arm) -> Iterator[Diagnostic]:
    wrong = _syntax(arm.experiment.student.prompt.template)
    if wrong:
        node = arm.node.at(("student", "prompt", "template"))
        yield node.fault("E203", f"the template '{node.value}' is no valid Jinja: {wrong}", "correct the template")


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
