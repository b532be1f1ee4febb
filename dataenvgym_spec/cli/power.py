"""What `dataenvgym plan` says of power: the smallest difference that each contrast would find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dataenvgym_spec.cli.common import plural
from dataenvgym_spec.questions.power import LEVEL, Expected
from dataenvgym_spec.results.evidence.power import WANTED


def power_lines(found: Sequence[Expected]) -> Iterator[str]:
    """The lines of one experiment; none without a contrast."""
    if not found:
        return
    yield f"  smallest difference that is found in {WANTED:.0%} of studies, in points:"
    for one in found:
        yield f"    {_least(one):>8}  {one.question.title} ({_design(one)})"
    yield f"    assumed: {'; '.join(_assumed(found))}"


def _least(one: Expected) -> str:
    if one.clusters is None:
        return "unknown"
    return "none" if one.least is None else f"{100 * one.least:.1f}"


def _design(one: Expected) -> str:
    """Items, runs and the level of the test."""
    if one.items is None:
        return "items are not known before they are drawn"
    parts = [plural(one.items, "item")]
    if one.clusters != one.items:
        parts.append(f"{plural(one.clusters or 0, 'cluster')}, each as one")
    parts.append(plural(one.runs, "run"))
    if one.family > 1:
        kind = "primary" if one.question.primary else "exploratory"
        parts.append(f"Holm over {one.family} {kind}")
    return ", ".join(parts)


def _assumed(found: Sequence[Expected]) -> Iterator[str]:
    """What the figures rest on beside the design."""
    first = found[0]
    yield f"two-sided tests at {LEVEL:.0%}"
    measured = "as copies do" if first.deviation is not None else "nothing is known of it"
    yield f"students differ in {first.discordance:.0%} of items ({measured})"
    if first.runs == 1:
        yield "items only; run variance unknown"
    elif first.deviation is None:
        yield "run variance unknown: runs taken to differ by no more than their items make"
    else:
        yield f"runs differ by {100 * first.deviation:.1f} points, as copies that are taught again"


def power_records(found: Sequence[Expected]) -> list[dict[str, Any]]:
    """The same for programs."""
    rows = []
    for one in found:
        rows.append(
            {
                "contrast": one.question.title,
                "primary": one.question.primary,
                "items": one.items,
                "clusters": one.clusters,
                "runs": one.runs,
                "alpha": LEVEL / one.family,
                "power": WANTED,
                "discordance": one.discordance,
                "run_deviation": one.deviation,
                "least_points": None if one.least is None else round(100 * one.least, 2),
            }
        )
    return rows
