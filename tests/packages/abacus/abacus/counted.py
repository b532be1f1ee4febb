"""Counts on the fingers, in a sandbox."""

from collections.abc import Callable, Sequence

from dataenvgym_spec.gym import Answer, Call, Item, Judgement, Sandbox, SandboxLimits, Score


def counting() -> Callable[[str, str], bool | None]:
    """What says whether an answer is the target as a number; None where it is none."""
    return lambda target, answer: int(answer) == int(target) if answer.strip().isdigit() else None


class Counted:
    """Right when the answer is the same number."""

    def __init__(self, *, sandbox: Sandbox, seconds: float) -> None:
        self.sandbox, self.limits = sandbox, SandboxLimits(seconds=seconds)

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch, each answer in a child."""
        calls = [
            Call(arguments={"target": item.target, "answer": answer.text})
            for item, answer in answers
        ]
        judgement = Judgement(maker="abacus.counted:counting")
        outcomes = self.sandbox.judge(judgement, calls, self.limits)
        return [
            Score(value=float(outcome.value or 0), parsed=outcome.value is not None)
            for outcome in outcomes
        ]
