"""Counts on the fingers, in a sandbox."""

from collections.abc import Sequence

from dataenvgym_spec.gym import Answer, Item, Sandbox, SandboxLimits, Score


def counts(answers: list[list[str]]) -> list[bool | None]:
    """Whether each answer is the target as a number; None where it is none."""
    return [
        int(text) == int(target) if text.strip().isdigit() else None for target, text in answers
    ]


class Counted:
    """Right when the answer is the same number."""

    def __init__(self, *, sandbox: Sandbox, seconds: float) -> None:
        self.sandbox, self.limits = sandbox, SandboxLimits(seconds=seconds)

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch, in one child."""
        given = [[item.target, answer.text] for item, answer in answers]
        outcome = self.sandbox.judge("abacus.counted:counts", {"answers": given}, self.limits)
        if outcome.ending != "returned":
            raise RuntimeError(f"{outcome.ending}: {outcome.stderr}")
        return [Score(value=float(right or 0), parsed=right is not None) for right in outcome.value]
