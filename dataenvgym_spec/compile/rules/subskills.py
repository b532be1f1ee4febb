"""Whoever draws examples of subskills knows them: what is proposed are variants of its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataenvgym_spec.compile.rules.known import skill_names
from dataenvgym_spec.compile.rules.supply import drawn
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """What proposes subskills that the engine, or the discovery of skills, does not fit."""
    if arm.experiment.data_from is not None:
        return  # no engine is at work in it
    for slot, place, options in arm.experiment.components():
        yield from _unknown(arm, slot, place, options)
        sources = _sources(slot, options)
        # A policy that names subskills itself has a source to name them from.
        if slot == "proposer" or (slot == "policy" and sources):
            fault = _unmet(arm, options["kind"])
            if fault is not None:
                yield fault
                return
            yield from _undrawn(arm, slot, place, options["kind"], sources)
            if sources:
                yield from _ungrouped(arm, place, options["kind"], sources[0])


def _sources(slot: str, options: Mapping[str, Any]) -> list[str]:
    """The sources whose variants a component proposes."""
    names = []
    for part in definition(slot, options["kind"]).parts:
        if part.takes == "variants":
            names += [name for _, name in named(options, part.path)]
    return names


def _unknown(
    arm: Arm, slot: str, place: tuple[str, ...], options: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    """Subskills of what is no skill (`x-skills`): they would never be asked for."""
    skills = skill_names(arm)
    if skills is None:
        return
    kind = options["kind"]
    for option in definition(slot, kind).marked("x-skills"):
        for path, by_skill in named(options, option):
            for skill in by_skill:
                if skill not in skills:
                    message = f"'{kind}' lists subskills of '{skill}', which is no skill"
                    node = arm.node.at((*place, *path, skill))
                    yield node.fault("E204", message, suggest(skill, skills))


def _unmet(arm: Arm, proposer: str) -> Diagnostic | None:
    """An engine that makes examples of skills alone: they would bear the names of subskills."""
    engine = arm.experiment.agent.engine
    declared = definition("engine", engine["kind"])
    message = f"'{proposer}' proposes subskills, and the engine '{declared.kind}' makes examples of"
    help = f"choose an engine that does ({_able()}), or an environment without subskills"
    if declared.subskills is None:
        message += " skills alone"
    elif declared.subskills == "variants" and declared.read_with(engine) == "pool":
        message += " them only if it draws from a source"
        help = f"name its source, or {help}"
    else:
        return None
    return arm.node.at(("agent", "engine", "kind")).fault("E204", message, help)


def _able() -> str:
    engines = definitions()["engine"].values()
    return ", ".join(sorted(engine.kind for engine in engines if engine.subskills is not None))


def _undrawn(
    arm: Arm, slot: str, place: tuple[str, ...], kind: str, sources: list[str]
) -> Iterator[Diagnostic]:
    engine = arm.experiment.agent.engine["kind"]
    for source in drawn(arm):
        if source.name not in sources:
            message = (
                f"the engine '{engine}' draws examples from '{source.name}', "
                f"but what '{kind}' proposes need not be its variants"
            )
            help = (
                f"name '{source.name}' as the source of the {slot}, or choose another "
                f"{slot}, or an engine whose examples a language model writes"
            )
            yield arm.node.at((*place, "kind")).fault("E204", message, help)


def _ungrouped(arm: Arm, place: tuple[str, ...], kind: str, source: str) -> Iterator[Diagnostic]:
    skills = arm.experiment.skills
    if skills is None:
        return  # which is reported where the environment is
    discovery = skills.discover["kind"]
    if definition("discovery", discovery).skills != "groups":
        message = (
            f"'{kind}' proposes variants of the groups of '{source}', "
            f"but the skills of '{discovery}' are not its groups"
        )
        help = "choose a discovery whose skills are groups of the source, or another proposer"
        yield arm.node.at((*place, "kind")).fault("E204", message, help)
