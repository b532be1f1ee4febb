"""A ladder: every iteration stands one rung higher than the one before."""

from collections.abc import Mapping

from dataenvgym_spec.gym import Action, Request, Seen, State, Tools, Yield


class Rung(State, frozen=True, kw_only=True):
    """The rung, and the skills that are taught on it."""

    rung: int = 0
    skills: tuple[str, ...] = ()


class Step(Action, frozen=True, kw_only=True):
    """How many parts each skill is taught in."""

    parts: dict[str, int]


class Ladder:
    """Carries the rung on from plan to plan."""

    state = Rung
    action = Step

    def observe(self, seen: Seen, before: Rung | None) -> Rung:
        """The rung that this iteration stands on."""
        if before is None:
            return Rung(skills=seen.skills)
        return Rung(skills=seen.skills, rung=before.rung, history=before.history)

    def complete(self, state: Rung, action: Step, budget: int, tools: Tools) -> Step:
        """The action as it is."""
        return action

    def requests(self, state: Rung, action: Step, budget: int) -> tuple[Request, ...]:
        """Each skill in parts, as far as the budget reaches."""
        wanted = [(skill, part) for skill, parts in action.parts.items() for part in range(parts)]
        share = budget // len(wanted)
        return tuple(
            Request(id=f"{skill}-{part}", count=share, skill=skill, brief=f"rung {state.rung}")
            for skill, part in wanted
        )

    def advance(self, state: Rung, action: Step, given: Mapping[str, Yield]) -> Rung:
        """One rung higher."""
        return Rung(rung=state.rung + 1, history=state.history)
