"""Which skills an arm has, and how many, as far as that is known before they are found.

Not a rule itself; rules about skills use it.
"""

from __future__ import annotations

from dataenvgym_spec.compile.rules.supply import supply
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


def skill_names(arm: Arm) -> tuple[str, ...] | None:
    """The skills, where they are the groups of a source that says which it has."""
    skills = arm.experiment.skills
    if skills is None or definition("discovery", skills.discover["kind"]).skills != "groups":
        return None
    source = supply(arm, arm.experiment.task.splits.feedback.from_)
    return tuple(source.sizes) or None if source is not None else None


def skill_count(arm: Arm) -> int | None:
    """How many skills there are: groups, those that a file lists, or as many as are to be found."""
    names = skill_names(arm)
    if names is not None:
        return len(names)
    skills = arm.experiment.skills
    if skills is None:
        return None
    discovery = definition("discovery", skills.discover["kind"])
    for path in discovery.files:
        file = arm.references.get(("skills", "discover", *path))
        if file is not None and file.skills:
            return len(file.skills)
    for path, bound in discovery.marked("x-clusters").items():
        if bound == "exactly":
            for _, count in named(skills.discover, path):
                return int(count)
    return None
