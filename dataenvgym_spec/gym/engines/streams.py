"""Which new problems of a source a request is met with. Not a component itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dataenvgym_spec.core.errors import StageError, suggest
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.engines.groups import groups_for
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request


def stream_for(source: Source, request: Request, tools: Tools) -> Iterator[Item]:
    """Items for a request, in the order of drawing.

    A skill is a group of the source, and a subskill a variant of it. A request for another skill is
    met from the groups of what its prompt would show, or of the items that the skill was made of,
    in turns, and one about the task as a whole from all.

    Raises:
        StageError: a request is for a skill that nothing ties to a group, or for a subskill that is
            no variant.
    """
    seed = seed_from("engine", tools.seed, request.id)
    if request.subskill is not None:
        return _variant(source, request, request.subskill, seed)
    groups = source.groups()
    names = groups_for(request, tools, groups)
    if not names:
        raise _unknown(request.skill, groups)
    return _in_turns(source, names, seed)


def _variant(source: Source, request: Request, subskill: str, seed: int) -> Iterator[Item]:
    if not hasattr(source, "variant"):
        message = f"the source has no variants, and '{request.id}' asks for one"
        raise StageError(message, help="name an engine that can write examples of subskills")
    items: Iterator[Item] = source.variant(request.skill, subskill, seed)
    return items


def _in_turns(source: Source, groups: Sequence[str], seed: int) -> Iterator[Item]:
    """Items of some groups in turns."""
    if len(groups) == 1:
        return source.stream(groups[0], seed)
    streams = []
    for number, group in enumerate(groups):
        streams.append(source.stream(group, seed_from("turn", seed, number)))
    return (item for turn in zip(*streams, strict=False) for item in turn)


def _unknown(skill: str, groups: Sequence[str]) -> StageError:
    message = f"the teacher's source has no group '{skill}', and nothing ties the skill to one"
    help = (
        "draw feedback from a source with the groups of the teacher's, name skills as the groups "
    )
    help += "are, or ask a language model; "
    return StageError(message, help=help + suggest(skill, groups))
