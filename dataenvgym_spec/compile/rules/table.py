"""The rules about the meaning of a spec, in the order in which they are checked.

A rule says what the schema cannot: whether splits, sources and components fit each other. Each
reports; none changes anything. A name or a file that a rule looks at may still be missing, which is
reported by `resolve`.
"""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.compile.rules import (
    baselines,
    chatting,
    checkpoints,
    clusters,
    columns,
    comparing,
    contrasts,
    decoding,
    draws,
    equal,
    fields,
    generating,
    generators,
    labels,
    limits,
    linked,
    noise,
    overlapping,
    owning,
    picking,
    pool,
    probes,
    replaying,
    rounds,
    seeds,
    seeing,
    serving,
    shared_splits,
    shares,
    showing,
    skills,
    stock,
    stopping,
    subskills,
    taking,
    teaching,
    templates,
    verifying,
    words,
)
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Resolved

RULES: Final = (
    shares,
    shared_splits,
    overlapping,
    owning,
    pool,
    taking,
    templates,
    generators,
    stopping,
    rounds,
    replaying,
    comparing,
    serving,
    generating,
    fields,
    showing,
    decoding,
    checkpoints,
    chatting,
    baselines,
    limits,
    columns,
    skills,
    labels,
    clusters,
    subskills,
    draws,
    probes,
    teaching,
    stock,
    picking,
    seeing,
    verifying,
    words,
)


def check(resolved: Resolved) -> list[Diagnostic]:
    """All findings about the meaning of a spec."""
    findings = [*seeds.check(resolved), *equal.check(resolved), *linked.check(resolved)]
    findings += contrasts.check(resolved)
    findings += noise.check(resolved)
    for arm in resolved.arms:
        for rule in RULES:
            findings += rule.check(arm)
    return findings
