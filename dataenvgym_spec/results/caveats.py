"""What a report must say beside its figures, in words that go on from "mind that"."""

from __future__ import annotations

from dataenvgym_spec.results.experiment import Results


def caveats(results: Results) -> tuple[str, ...]:
    """Splits with two roles, examples that trainings cut or left out, and those without any."""
    found = list(results.index.stamps or ())
    found += filter(None, (_stayed(results, arm) for arm in results.index.arms))
    for kind in ("student", "train"):
        for arm in results.index.arms:
            shortened = _shortened(results, kind, arm)
            if shortened:
                found.append(shortened)
    return tuple(dict.fromkeys(found))


def _stayed(results: Results, arm: str) -> str:
    """How often an arm had nothing new to teach; empty if it always had."""
    trained = stayed = 0
    for run in results.of_arm(arm):
        stages = (stage for turn in run.iterations for stage in turn.of("train"))
        for log in (stage.log for stage in stages):
            if log is not None and not log.passed:
                trained += 1
                stayed += bool(log.stayed)
    if not stayed:
        return ""
    times = f"{stayed:,} of {trained:,} iterations"
    return f"{arm} had no new example in {times}, in which its student stayed as it was"


def _shortened(results: Results, kind: str, arm: str) -> str:
    """What the trainings of an arm could not learn whole; empty if that is nothing."""
    learned = cut = left_out = 0
    for stage in results.stages:
        if stage.kind != kind or all(use.arm != arm for use in stage.uses):
            continue
        log = stage.log
        if log is not None and not log.passed:
            learned += log.examples or 0
            cut += log.cut or 0
            left_out += log.left_out or 0
    if not (cut or left_out):
        return ""
    whose = f"the trainings of {arm}" if kind == "train" else "the base student's own training"
    total = learned + left_out
    parts = []
    if cut:
        parts.append(f"cut {cut:,}")
    if left_out:
        parts.append(f"left out {left_out:,}")
    counts = f"{' and '.join(parts)} of {total:,} examples"
    return f"{whose} {counts}, which had no room in max_length"
