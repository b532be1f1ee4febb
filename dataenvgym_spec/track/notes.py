"""What stands at the head of a run's page: where it comes from, as links.

A target is written as `run:ID`, `student:ID` or `files:ID path`; `links` makes addresses of the
server's own from them once these are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dataenvgym_spec.core.foreign import markdown_paragraphs, markdown_text
from dataenvgym_spec.core.text import shortened
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.stage import StageResult

REPORT: Final = "report/index.html"
EXAMPLES: Final = "report/examples/index.html"
LONGEST: Final = 4500
"""Characters of a description: every server of MLflow 3 takes 5,000."""
ORDER = ("skills", "assign", "plan", "generate", "check", "student", "train", "evaluate")
"""Kinds of stages in the order in which an iteration runs them."""


def of_experiment(description: str) -> str:
    """What a spec says of itself, as text: a stranger may have written it.

    MLflow shows images and frames that a description names, from wherever they are.
    """
    whole = markdown_paragraphs(description)
    # What the longest sign takes five times as much room as.
    cut = shortened(description, LONGEST // 5)
    return whole if len(whole) <= LONGEST else markdown_paragraphs(cut)


def of_base(turn: Iteration) -> str:
    """The note of a base student's run."""
    head = "The student before any teaching: where the curves of all runs that teach it begin."
    return "\n\n".join((head, *_stages(turn)))


def of_run(run: Run, base: str | None, turns: Mapping[int, str]) -> str:
    """The note of a run of an arm under a seed.

    Args:
        run: the run.
        base: the id of its base student's run.
        turns: the ids of the runs of its iterations, by number.
    """
    arm = markdown_text(run.arm)
    lines = [f"Arm **{arm}** under seed {run.seed}. Each iteration is a run below this one."]
    ways = []
    if base is not None:
        ways.append(f"begins with the [base student](student:{base})")
    choice = run.choice
    if choice is not None:
        ways.append(f"best on selection: {_student(choice.best, base, turns)}")
        ways.append(f"last: {_student(choice.last, base, turns)}")
    if ways:
        lines.append("; ".join(ways).capitalize() + ".")
    if run.stopped is not None:
        lines.append(f"Stopped on selection, after iteration {run.stopped}.")
    return "\n\n".join(lines)


def _student(number: int, base: str | None, turns: Mapping[int, str]) -> str:
    target = turns.get(number) if number else base
    name = f"iteration {number}" if number else "the base student"
    return f"[{name}](student:{target})" if target else name


def of_iteration(turn: Iteration, own: str, parent: str, before: str | None) -> str:
    """The note of one iteration's run.

    Args:
        turn: the iteration.
        own: the id of its run.
        parent: the id of the run that it belongs to.
        before: the id of the run whose student was asked before this iteration.
    """
    steps = []
    if before is not None:
        steps.append(f"[student before](student:{before})")
    if turn.plan is not None:
        steps.append(f"[plan](files:{own} plan/plan.md)")
    made, accepted = turn.amount("generate", "candidates"), turn.amount("check", "accepted")
    if made:
        steps.append(f"{made} generated")
    if turn.of("check") and turn.of("check")[-1].done:
        steps.append(f"{accepted} accepted")
    if turn.training is not None and turn.training.done:
        steps.append(f"[student after](student:{own})")
    lines = [f"Iteration {turn.number} of [its run](run:{parent})."]
    if steps:
        lines.append("How it came about: " + " → ".join(steps) + ".")
    return "\n\n".join((*lines, *_stages(turn)))


def of_summary(
    arm: str, runs: Mapping[int, str], own: str, files: Sequence[str], covered: str
) -> str:
    """The note of the summary of an arm.

    Args:
        arm: the arm.
        runs: the ids of its runs, by seed.
        own: the id of the summary.
        files: its artifacts, among which the report is once it is made.
        covered: what its intervals cover, in a sentence.
    """
    seeds = ", ".join(f"[{seed}](run:{name})" for seed, name in runs.items())
    lines = [
        f"Arm **{markdown_text(arm)}** over all of its runs, by seed: {seeds}. Scores on the "
        "sealed test are shown here alone, so that nobody selects by them.",
        covered,
    ]
    if REPORT in files:
        lines.append(f"The [report](files:{own} {REPORT}) has the same figures.")
    if EXAMPLES in files:
        # The report's own link leads nowhere in MLflow's viewer, which shows one file alone.
        where = f"[All generated examples](files:{own} {EXAMPLES})"
        lines.append(f"{where}, accepted or not, can be searched.")
    return "\n\n".join(lines)


def _stages(turn: Iteration) -> Iterator[str]:
    """The folders of a turn's stages, by kind."""
    names = [f"{kind}: {_folders(turn.of(kind))}" for kind in ORDER if turn.of(kind)]
    if names:
        yield "In the repository, below `store`:\n\n" + "\n".join(f"- {name}" for name in names)


def _folders(stages: tuple[StageResult, ...]) -> str:
    return ", ".join(f"`{stage.path.name}`" for stage in stages)
