"""The words for tests that are corrected since several comparisons are looked at together."""

from __future__ import annotations

from dataenvgym_spec.report.text import count, p_value, points
from dataenvgym_spec.results.evidence.equivalence import Equivalence
from dataenvgym_spec.results.evidence.statistics import LEVEL


def together(number: int, called: str) -> str:
    """Some comparisons that are corrected together; empty for one, which is not.

    >>> together(3, "comparisons"), together(1, "comparisons")
    ('3 comparisons', '')
    """
    return f"{count(number)} {called}" if number > 1 else ""


def p_values(p: float, adjusted: float | None, family: str) -> str:
    """A p value, with the corrected one where there is one.

    >>> p_values(0.03, 0.06, "2 comparisons")
    "p = 0.030, with Holm's correction p = 0.060 of 2 comparisons"
    >>> p_values(0.03, 0.03, "")
    'p = 0.030'

    Args:
        p: as it is by itself.
        adjusted: after Holm's correction; None if nothing was corrected.
        family: what it is corrected with, as `together` calls it.
    """
    if adjusted is None or not family:
        return p_value(p)
    return f"{p_value(p)}, with Holm's correction {p_value(adjusted)} of {family}"


def taken_back(p: float, adjusted: float | None, family: str) -> str:
    """That zero is left out before correction and not after it; empty where that is not so.

    >>> taken_back(0.03, 0.06, "2 comparisons")
    'Corrected for 2 comparisons, zero is not left out at 5%.'

    Args:
        p: as it is by itself.
        adjusted: after Holm's correction; None if nothing was corrected.
        family: what it is corrected with, as `together` calls it.
    """
    if adjusted is None or not family or not p < 1 - LEVEL <= adjusted:
        return ""
    return f"Corrected for {family}, zero is not left out at 5%."


def equivalent(claim: Equivalence, kind: str) -> str:
    """Whether two students are equivalent within bounds, and by which interval and tests.

    Args:
        claim: the verdict.
        kind: of contrast, such as primary: the claims of a kind are corrected together.
    """
    family = together(claim.family, f"{kind} claims of equivalence")
    tests = ""
    if family:
        but = ", which is not enough at 5%" if claim.inside and not claim.shown else ""
        tests = f" ({p_values(claim.p, claim.adjusted, family)}{but})"
    where = "lies inside" if claim.inside else "does not lie inside"
    interval = f"the 90% interval, {points(claim.low)} to {points(claim.high)}, {where}"
    verdict = within(claim)
    return f"{verdict[0].upper()}{verdict[1:]}: {interval}{tests}."


def within(claim: Equivalence) -> str:
    """The verdict on a claim of equivalence in a few words.

    >>> within(Equivalence(bound=0.02, low=-0.01, high=0.01, p=0.01))
    'equivalent within ±2 points'
    """
    shown = "equivalent" if claim.shown else "not shown to be equivalent"
    return f"{shown} within ±{100 * claim.bound:g} points"


def correction(family: str, among: str = "") -> str:
    """That p values of several comparisons are corrected, and their intervals are not.

    Args:
        family: what is corrected together, as `together` calls it.
        among: how it is parted, if it is.
    """
    if not family:
        return ""
    return (
        f"There are {family}: their p values are corrected (Holm){among}; their intervals are not."
    )
