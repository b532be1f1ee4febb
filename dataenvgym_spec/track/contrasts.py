"""A declared contrast in MLflow: what it is called, its figures, and what its interval covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from dataenvgym_spec.records.experiment import Question, called
from dataenvgym_spec.results.evidence.contrasts import Comparison
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.wording import ITEMS_ONLY, NOT_SEEN, compared, covered, place
from dataenvgym_spec.track.naming import bounded, slug

INTERVALS: Final = "intervals"
"""The tag of a summary that says what the intervals of its contrasts cover."""


def contrast_key(question: Question) -> str:
    """What the metric of a contrast is called: where, on which part of it, and which students."""
    probe = question.split not in ("test", "selection")
    where = [f"probe/{slug(question.split)}"] if probe else [question.split]
    if question.skill is not None:
        where.append(f"skill/{slug(question.skill)}")
    for name, value in question.slice:
        where.append(f"slice/{slug(name)}/{slug(value)}")
    students = f"{called(question.student)} minus {called(question.second)}"
    return "/".join((*where, f"{students} of {slug(question.against)}"))


def title_of(questions: Sequence[Question]) -> str:
    """What the chart of contrasts is called that are one metric, since only their arms differ.

    >>> title_of([Question(arm="state", against="blind")])
    'Best of state less best of blind, on the sealed test'
    >>> title_of([Question(arm=name, against="c", split="selection") for name in ("a", "b")])
    'Best of a, b less best of c, on the selection split'
    """
    question = questions[0]
    words = compared(replace(question, arm=", ".join(one.arm for one in questions)))
    where = f", on {place(question)}" if question.split == "test" else ""
    return f"{words[0].upper()}{words[1:]}{where}"


def figures(answer: Comparison) -> dict[str, float]:
    """The metrics of a contrast, by how their names end."""
    crossed = answer.weighed.crossed
    ends = {**dict(bounded(answer.difference)), "_p": answer.weighed.p}
    if crossed is not None and crossed.run_deviation is not None:
        ends["_run_deviation"] = crossed.run_deviation
    if answer.equivalence is not None:
        ends["_equivalence_p"] = answer.equivalence.p
    return ends


def corrected(answer: Comparison) -> dict[str, float]:
    """Those that depend on the other contrasts of the family."""
    ends: dict[str, float] = {}
    if answer.adjusted is not None:
        ends["_p_holm"] = answer.adjusted
    claim = answer.equivalence
    if claim is not None and claim.adjusted is not None:
        ends |= {"_equivalence_p_holm": claim.adjusted, "_equivalent": float(claim.shown)}
    return ends


def said(
    results: Results,
    contrasts: Mapping[Question, str],
    answers: Mapping[Question, Comparison],
) -> dict[str, str]:
    """As tags, what a number cannot say: what intervals cover, and which variance was not seen.

    Args:
        results: the experiment.
        contrasts: the contrasts of the summary that are answered, by what their metrics are called.
        answers: the contrasts that can be answered.
    """
    phrases, tags = {}, {}
    for question, key in contrasts.items():
        if question not in answers:
            continue
        phrases[key] = covered(answers[question].difference)
        crossed = answers[question].weighed.crossed
        if crossed is not None and crossed.run_deviation is None:
            tags[f"{key} run deviation"] = NOT_SEEN
    # With one run those of its scores cover no more, whether or not there is a contrast.
    alone = ITEMS_ONLY if len(results.index.seeds) == 1 else None
    common = next(iter(phrases.values()), alone)
    if common is None:
        return {}
    others = {f"{key} interval": phrase for key, phrase in phrases.items() if phrase != common}
    return {INTERVALS: common, **others, **tags}
