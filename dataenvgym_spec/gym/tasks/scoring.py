"""Scores answers in a sandbox, so that a text is never code and one odd answer costs one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.make import Described, Named, make
from dataenvgym_spec.gym.sandboxes.isolated import Isolated
from dataenvgym_spec.gym.sandboxes.protocol import (
    Call,
    Judgement,
    Sandbox,
    SandboxLimits,
    SandboxOutcome,
)
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.items import Item

LIMITS: Final = SandboxLimits(seconds=20.0, cpu=5.0, memory=1 << 30, output=1 << 16)
"""What reading one answer may take."""
EXECUTING: Final = SandboxLimits(seconds=4000.0, cpu=60.0, memory=1 << 30, output=1 << 16)
"""What testing one program may take, besides the program itself, which its scorer gives limits."""
LONGEST_CAUSE: Final = 40
"""How much of a cause is told, in characters."""


class Judge:
    """A scorer that does its work in a sandbox, where it can be stopped.

    Attributes:
        unreadable: how many answers could not be scored, by cause: the exception that the scorer
            raised, or the limit that it passed.
        sandbox: where it works.
    """

    def __init__(self, scorer: Described, *, files: Mapping[str, Path] | None = None) -> None:
        """Args: the scorer, and where the files lie that its options name by digest.

        Raises:
            UserError: there is no such scorer here.
        """
        self.unreadable: Counter[str] = Counter()
        declared = definition(scorer.slot, scorer.kind)
        self.limits = EXECUTING if declared.executes else LIMITS
        held = [part for part in scorer.parts.values() if part.slot == "sandbox"]
        # One that executes programs is itself called where they are executed.
        self.sandbox: Sandbox = Isolated()
        if declared.executes and held:
            self.sandbox = make(held[0])
        named = Named.of(scorer)
        places = {digest: str(path) for digest, path in (files or {}).items()}
        arguments = {"scorer": named.plain(), "files": places}
        self._judgement = Judgement(
            maker=f"{__package__}.judging:judging",
            arguments=arguments,
            executes=declared.executes,
        )
        if isinstance(self.sandbox, Isolated):
            # Any other that holds a sandbox hands texts on to it, and must be able to start it.
            self.sandbox.free = bool(held) and not declared.executes
            # A package may be installed anew, or edited, while a process has imported it.
            self.sandbox.alone = declared.distribution is not None
            self.sandbox.readable = tuple(Path(path).resolve() for path in places.values())

    @property
    def where(self) -> str:
        """What the sandbox consists of here, for logs."""
        return str(getattr(self.sandbox, "name", type(self.sandbox).__name__))

    def start(self) -> None:
        """Starts the process in which it works, which imports the scorer while others work."""
        if isinstance(self.sandbox, Isolated):
            self.sandbox.start(self._judgement)

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers.

        An answer on which the scorer raises, or passes a limit, is unreadable.

        Raises:
            StageError: the scorer cannot be made, or does not return one score an answer.
        """
        return self._scores([_call(item, answer) for item, answer in answers])

    def score_computed(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores answers that a program made, which is much faster: they share a child.

        Raises:
            StageError: see `score`.
        """
        return self._scores([_call(item, answer, computed=True) for item, answer in answers])

    def score_gold(self, items: Sequence[Item], *, computed: bool) -> list[Score]:
        """Scores the gold answers of items, as somebody would write them who knows them.

        Args:
            items: whose.
            computed: whether a program made them, as a generator does.

        Raises:
            StageError: see `score`.
        """
        return self._scores([_call(item, None, computed=computed) for item in items])

    def _scores(self, calls: list[Call]) -> list[Score]:
        if not calls:
            return []
        outcomes = self.sandbox.judge(self._judgement, calls, self.limits)
        faults = [fault for outcome in outcomes if (fault := _fault(outcome))]
        # One alone may be made up by the text that took over the child.
        if len(faults) == len(outcomes):
            help = "it must return one score an answer, in their order"
            raise StageError(faults[0], help=help)
        scores = [_score(outcome) for outcome in outcomes]
        self.unreadable.update(score.cause for score in scores if score.cause is not None)
        return scores

    def close(self) -> None:
        """Ends the process in which it works."""
        if isinstance(self.sandbox, Isolated):
            self.sandbox.close()


def _call(item: Item, answer: Answer | None, *, computed: bool = False) -> Call:
    """A call for an answer, or for the item's own."""
    arguments: dict[str, Any] = {"item": item.plain(), "text": None, "truncated": False}
    if answer is not None:
        arguments |= {"text": answer.text, "truncated": answer.truncated}
    return Call(arguments=arguments, computed=computed)


def _score(outcome: SandboxOutcome) -> Score:
    """The score that a child gave, which may be anything where a text took it over."""
    if outcome.ending == "returned":
        return _valid(outcome.value)
    exception, named, _ = outcome.stderr.partition(":")
    raised = outcome.ending == "failed" and named and exception.isidentifier()
    return Score(value=0.0, parsed=False, cause=exception if raised else outcome.ending)


def _fault(outcome: SandboxOutcome) -> str | None:
    """How the scorer broke its contract."""
    fault = outcome.value.get("fault") if isinstance(outcome.value, dict) else None
    return fault if isinstance(fault, str) else None


def _valid(given: Any) -> Score:
    value, parsed = (given.get("value"), given.get("parsed")) if isinstance(given, dict) else (0, 0)
    if isinstance(value, float) and isinstance(parsed, bool) and 0 <= value <= 1:
        cause = given.get("cause")
        told = isinstance(cause, str) and not parsed
        return Score(value=value, parsed=parsed, cause=cause[:LONGEST_CAUSE] if told else None)
    return Score(value=0.0, parsed=False, cause="no score")
