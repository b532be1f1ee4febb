"""Skills are there where they are read; as groups, each item has one, and each can be taught."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import Supply, drawn, supply
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """A source without groups, or a group that no example can be made of."""
    record = arm.experiment
    plans = definition("environment", record.environment_kind).reads == "skills"
    if not plans and (record.skills is None or not record.skills.labelled):
        return
    if record.skills is None:
        message = f"the environment '{record.environment_kind}' needs skills"
        help = "say how they are found, such as 'skills: {discover: {kind: gold}}'"
        yield arm.node.at(("environment",)).fault("E204", message, help)
        return
    discovery = definition("discovery", record.skills.discover["kind"])
    if record.skills.of_pool:
        yield from _of_pool(arm, discovery)
    source = supply(arm, record.task.splits.feedback.from_)
    if discovery.skills != "groups" or source is None:
        return
    option = source.column_option("group")
    if option is not None and "group" not in source.columns:
        who = record.environment_kind if plans else "skills.label"
        message = (
            f"'{who}' needs skills, "
            f"but the source '{source.name}' does not say which column names them"
        )
        help = f"add '{option[-1]}:' with the column of the gold skill"
        yield arm.node.at((*source.place, *option[:-1])).fault("E204", message, help)
        return
    if plans:
        yield from _untaught(arm, source)


def _of_pool(arm: Arm, discovery: Definition) -> Iterator[Diagnostic]:
    """Skills are made of a pool that there is, and not where the source says them."""
    node = arm.node.at(("skills", "from"))
    if discovery.skills == "groups":
        message = f"the skills of '{discovery.kind}' are what the source says, whatever they are "
        message += "made of"
        yield node.fault("E204", message, "leave 'from' out, or name another discovery")
    elif arm.experiment.task.splits.pool is None:
        message = "skills are to be made of the pool, but 'task.splits' has none"
        help = "add 'pool: {from: SOURCE, draw: rest}' to 'task.splits', or leave 'from' out"
        yield node.fault("E204", message, help)


def _untaught(arm: Arm, source: Supply) -> Iterator[Diagnostic]:
    made = drawn(arm)
    taught = {group for other in made for group in other.groups}
    if not all(other.groups for other in made):
        return  # one of them does not list its groups, and may well have any
    untaught = sorted(set(source.sizes) - taught)
    if not made or not untaught:
        return
    words, name = made[0].words, made[0].name
    message = (
        f"the teacher writes no examples of the skill '{untaught[0]}' of '{source.name}': "
        f"'{name}' has no {words.one} of that name"
    )
    help = f"call {words.many} as the groups are; {suggest(untaught[0], taught)}"
    yield arm.node.at(("task", "splits", "feedback", "from")).fault("E204", message, help)
